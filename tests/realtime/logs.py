"""Event logs for tests: written at once, as old as the test wants."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Account
from realtime.models import Event, Stream
from trading.reading import read_snapshot


def a_log(account: Account, events: int, at: datetime, channel: str = "trades", every_s: float = 0.0) -> Stream:
    """Add events to a stream; the first as of `at`, each later one `every_s` younger."""
    with transaction.atomic():
        stream = Stream.objects.select_for_update().get(account=account, channel=channel)
        Event.objects.bulk_create(
            Event(
                stream=stream,
                seq=stream.seq + n,
                frame=f'{{"n": {n}}}',
                created_at=at + timedelta(seconds=every_s * (n - 1)),
            )
            for n in range(1, events + 1)
        )
        stream.seq += events
        stream.save()
    return stream


def log_of(account: Account, channel: str = "trades") -> tuple[int, int, list[int]]:
    """Return a stream's floor, its seq and the numbers that are in the log, all as of one moment."""
    with read_snapshot():
        stream = Stream.objects.get(account=account, channel=channel)
        numbers = Event.objects.filter(stream=stream).order_by("seq").values_list("seq", flat=True)
        return stream.floor, stream.seq, list(numbers)
