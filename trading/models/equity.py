from django.db import models

from accounts.fields import FixedPointField, MoneyField
from trading.models.base import AccountRow


class EquityPoint(AccountRow):
    """What an account was worth at a moment, USDC.

    `balance` is its cash, `equity` that plus unrealised PnL; `daily_return_pct` in percent, NULL where there was no
    capital to earn it on.
    """

    timestamp = models.DateTimeField()
    balance = MoneyField()
    equity = MoneyField()
    daily_pnl = MoneyField()
    daily_return_pct = FixedPointField(places=6, null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["account", "timestamp"], name="equity_of_account")]

    def __str__(self) -> str:
        return f"{self.equity} at {self.timestamp:%Y-%m-%d %H:%M:%S}"
