from django.db import models

from accounts.fields import FixedPointField, PriceField
from trading.models.instrument import Instrument


class FundingRate(models.Model):
    """What a full hour of an instrument is settled at, written once, by the engine that leads.

    `hour` is the moment (UTC, full hour) that the payment is due. `rate` and `premium` (its mean over the hour) are
    fractions; `oracle` is the price (USDC) that notionals are taken at. `settled_at` is set when every position that
    was open has paid or been paid.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="funding_rates")
    hour = models.DateTimeField()
    premium = FixedPointField(places=12)
    rate = FixedPointField(places=12)
    oracle = PriceField()
    samples = models.PositiveIntegerField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["instrument", "hour"]
        constraints = [
            models.UniqueConstraint(fields=["instrument", "hour"], name="funding_rate_unique"),
            models.CheckConstraint(condition=models.Q(oracle__gt=0), name="funding_oracle_gt_0"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.hour:%Y-%m-%d %H}:00 {self.rate}"
