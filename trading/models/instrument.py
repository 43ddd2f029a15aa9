from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import models

from accounts.fields import FixedPointField, MoneyField
from trading.domain import instruments


class Instrument(models.Model):
    """A perpetual that is traded here. `margin_tiers`: ``[[lower notional, max leverage], …]``, lowest first, USDC."""

    symbol = models.CharField(max_length=20, primary_key=True)
    size_decimals = models.PositiveSmallIntegerField()
    margin_tiers = models.JSONField()
    default_leverage = models.PositiveSmallIntegerField(default=10)
    min_notional = MoneyField(default=Decimal(10))
    half_spread_bps = FixedPointField(places=4, default=Decimal("0.5"))
    depth_notional = MoneyField(default=Decimal(250_000))
    impact_notional = MoneyField(default=Decimal(6_000))
    listed = models.BooleanField(default=True)

    class Meta:
        ordering = ["symbol"]
        constraints = [
            models.CheckConstraint(condition=models.Q(size_decimals__lte=6), name="instrument_size_decimals_lte_6"),
            models.CheckConstraint(condition=models.Q(default_leverage__gte=1), name="instrument_leverage_gte_1"),
            models.CheckConstraint(condition=models.Q(min_notional__gte=0), name="instrument_min_notional_gte_0"),
            models.CheckConstraint(condition=models.Q(half_spread_bps__gte=0), name="instrument_half_spread_gte_0"),
            models.CheckConstraint(condition=models.Q(depth_notional__gt=0), name="instrument_depth_gt_0"),
            models.CheckConstraint(condition=models.Q(impact_notional__gt=0), name="instrument_impact_gt_0"),
        ]

    def __str__(self) -> str:
        return self.symbol

    def clean(self) -> None:
        """Refuse tiers and a leverage that the exchange could not work with: what is saved here is used at once."""
        try:
            tiers = instruments.tiers_from(self.margin_tiers)
            bounds = [tier.lower_notional for tier in tiers]
            leverages = [tier.max_leverage for tier in tiers]
            sound = bounds[0] == 0 and bounds == sorted(set(bounds)) and min(leverages) >= 1
            sound = sound and leverages == sorted(set(leverages), reverse=True)
        except (TypeError, ValueError, ArithmeticError, IndexError):
            sound = False
        if not sound:
            told = "must be [[0, leverage], [notional, leverage], …], notionals rising, leverages falling, 1 at least"
            raise ValidationError({"margin_tiers": told})
        if self.default_leverage > leverages[0]:
            raise ValidationError({"default_leverage": f"must be at most {leverages[0]}, the first tier's"})

    def to_domain(self) -> instruments.Instrument:
        return instruments.Instrument(
            symbol=self.symbol,
            size_decimals=self.size_decimals,
            tiers=instruments.tiers_from(self.margin_tiers),
            default_leverage=self.default_leverage,
            min_notional=self.min_notional,
            half_spread_bps=self.half_spread_bps,
            depth_notional=self.depth_notional,
            impact_notional=self.impact_notional,
        )
