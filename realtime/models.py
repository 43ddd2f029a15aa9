import secrets

from django.db import models

from accounts.models import Account
from realtime.protocol.channels import DURABLE


def new_epoch() -> str:
    return secrets.token_hex(4)


class Stream(models.Model):
    """The durable events of one channel of an account, numbered from 1 without holes, in commit order.

    `seq` is the last number given; it moves in the transaction that changed the model. `floor` is the last number that
    was pruned: events `floor` + 1 to `seq` are all in the log, and what lies beneath is read by nobody and soon gone.
    `epoch` changes where the numbers begin to tell another history, as after a database was restored.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="streams", db_index=False)
    channel = models.CharField(max_length=20)
    epoch = models.CharField(max_length=16, default=new_epoch)
    seq = models.PositiveBigIntegerField(default=0)
    floor = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "channel"], name="stream_unique"),
            models.CheckConstraint(condition=models.Q(channel__in=sorted(DURABLE)), name="stream_channel_known"),
            models.CheckConstraint(condition=models.Q(floor__lte=models.F("seq")), name="stream_floor_lte_seq"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.channel} {self.epoch}:{self.seq}"


class Event(models.Model):
    """One event of a stream: `frame` is the very text that clients get, encoded once."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveBigIntegerField()
    frame = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["stream", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["stream", "seq"], name="event_unique"),
            models.CheckConstraint(condition=models.Q(seq__gte=1), name="event_seq_gte_1"),
        ]

    def __str__(self) -> str:
        return f"{self.stream_id}:{self.seq}"
