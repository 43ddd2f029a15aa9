from django.db import models
from django.db.models import Q

from accounts.fields import MoneyField, PriceField, SizeField
from trading.domain.enums import FillQuality, Liquidity, Side, TradeStatus
from trading.models.base import AccountRow, choices, known
from trading.models.instrument import Instrument
from trading.models.order import Order


class Trade(AccountRow):
    """One fill. `pnl` is realised, gross of the fee, USDC; NULL where the fill closed nothing.

    `start_position` is the signed size before it. `fill_quality` tells a price from a real book from an assumed one.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="trades")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=4, choices=choices(Side))
    status = models.CharField(max_length=20, choices=choices(TradeStatus))
    price = PriceField()
    size = SizeField()
    fee = MoneyField()
    pnl = MoneyField(null=True, blank=True)
    start_position = SizeField()
    liquidity = models.CharField(max_length=5, choices=choices(Liquidity))
    fill_quality = models.CharField(max_length=10, choices=choices(FillQuality))
    liquidation = models.BooleanField(default=False)
    executed_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["account", "-id"], name="trade_of_account"),
            models.Index(fields=["account", "instrument", "-id"], name="trade_of_account_by_symbol"),
            models.Index(fields=["account", "-id"], condition=Q(pnl__lt=0), name="trade_lost_of_account"),
        ]
        constraints = [
            known("side", Side, "trade_side_known"),
            known("status", TradeStatus, "trade_status_known"),
            known("liquidity", Liquidity, "trade_liquidity_known"),
            known("fill_quality", FillQuality, "trade_fill_quality_known"),
            models.CheckConstraint(condition=Q(size__gt=0), name="trade_size_gt_0"),
            models.CheckConstraint(condition=Q(price__gt=0), name="trade_price_gt_0"),
            models.CheckConstraint(
                condition=Q(status=TradeStatus.FILLED, pnl__isnull=True)
                | (~Q(status=TradeStatus.FILLED) & Q(pnl__isnull=False)),
                name="trade_pnl_iff_it_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.side} {self.size} {self.instrument_id} at {self.price}"
