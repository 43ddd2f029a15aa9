from decimal import Decimal

from django.db import models
from django.db.models import Q

from accounts.fields import MoneyField, SizeField
from trading.domain import positions
from trading.domain.enums import MarginMode, PositionSide
from trading.models.base import AccountRow, choices, known
from trading.models.instrument import Instrument


class Position(AccountRow):
    """What an account holds of one instrument. A closed one stays, with size 0, its last side and its leverage.

    `entry_notional` is the exact sum behind the average entry price; `realized_pnl` is gross of fees. USDC.
    """

    mark: Decimal | None = None
    """The mark at which the desk announced it; None where somebody else saved it."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=5, choices=choices(PositionSide))
    size = SizeField()
    entry_notional = MoneyField()
    realized_pnl = MoneyField(default=0)
    leverage = models.PositiveSmallIntegerField()
    margin_mode = models.CharField(max_length=8, choices=choices(MarginMode), default=MarginMode.CROSS)
    isolated_margin = MoneyField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            known("side", PositionSide, "position_side_known"),
            known("margin_mode", MarginMode, "position_margin_mode_known"),
            models.UniqueConstraint(fields=["account", "instrument"], name="position_unique"),
            models.CheckConstraint(condition=Q(size__gte=0), name="position_size_gte_0"),
            models.CheckConstraint(condition=Q(leverage__gte=1), name="position_leverage_gte_1"),
            models.CheckConstraint(
                condition=Q(size=0, entry_notional=0) | Q(size__gt=0, entry_notional__gt=0),
                name="position_entry_iff_open",
            ),
            models.CheckConstraint(
                condition=Q(margin_mode=MarginMode.ISOLATED) | Q(isolated_margin=0),
                name="position_margin_only_if_isolated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.size} {self.instrument_id}"

    def to_domain(self) -> positions.Position:
        return positions.Position(
            symbol=self.instrument_id,
            leverage=self.leverage,
            side=PositionSide(self.side),
            size=self.size,
            entry_notional=self.entry_notional,
            realized_pnl=self.realized_pnl,
            margin_mode=MarginMode(self.margin_mode),
            isolated_margin=self.isolated_margin,
        )
