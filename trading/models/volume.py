from django.db import models
from django.db.models import Q

from accounts.fields import MoneyField
from accounts.models import Account


class DailyVolume(models.Model):
    """What an account traded on a UTC day, USDC: its fee tier follows from the last 14 of them."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="volumes", db_index=False)
    day = models.DateField()
    taker = MoneyField(default=0)
    maker = MoneyField(default=0)

    class Meta:
        ordering = ["account", "day"]
        constraints = [
            models.UniqueConstraint(fields=["account", "day"], name="daily_volume_unique"),
            models.CheckConstraint(condition=Q(taker__gte=0, maker__gte=0), name="daily_volume_gte_0"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day}: {self.taker} taken, {self.maker} made"
