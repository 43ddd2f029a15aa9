from django.db import models
from django.db.models import F, Q

from accounts.fields import FixedPointField, PriceField
from trading.domain.candles import INTERVALS
from trading.models.instrument import Instrument


class Candle(models.Model):
    """The marks (USDC) of an interval of the exchange's own time, written by the engine that leads.

    `opened_at` is UTC, on the interval. The last one is still forming. Where there was no price there is none.
    `volume`, in units of the symbol, is NULL where the market does not tell it.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="candles", db_index=False)
    interval = models.CharField(max_length=3, choices=[(each, each) for each in INTERVALS])
    opened_at = models.DateTimeField()
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = FixedPointField(places=6, null=True, blank=True)

    class Meta:
        ordering = ["instrument", "interval", "opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["instrument", "interval", "opened_at"], name="candle_unique"),
            models.CheckConstraint(condition=Q(interval__in=list(INTERVALS)), name="candle_interval_known"),
            models.CheckConstraint(condition=Q(low__gt=0), name="candle_low_gt_0"),
            models.CheckConstraint(
                condition=Q(low__lte=F("open"), high__gte=F("open")), name="candle_open_between_low_and_high"
            ),
            models.CheckConstraint(
                condition=Q(low__lte=F("close"), high__gte=F("close")), name="candle_close_between_low_and_high"
            ),
            models.CheckConstraint(condition=Q(volume__isnull=True) | Q(volume__gte=0), name="candle_volume_gte_0"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.interval} {self.opened_at:%Y-%m-%d %H:%M:%S} {self.close}"
