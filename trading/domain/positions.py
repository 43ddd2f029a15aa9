"""Positions: averaging, reducing, closing, flipping, and the profit that each fill realises."""

from dataclasses import dataclass
from decimal import Decimal

from trading.domain.enums import MarginMode, PositionSide, Side
from trading.domain.money import CONTEXT, ZERO, round_micro
from trading.domain.values import replace

ENTRY_PRICE_PLACES = Decimal("1e-10")


@dataclass(frozen=True)
class Position:
    """What an account holds of one symbol. A flat position keeps its last side and its leverage.

    The entry is kept as a notional (USDC, exact at 1e-6): the average price of several fills often has no exact
    decimal, its notional has.
    """

    symbol: str
    leverage: int
    side: PositionSide = PositionSide.LONG
    size: Decimal = ZERO
    entry_notional: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    """Sum over the position's whole life, USDC, gross of fees."""
    margin_mode: MarginMode = MarginMode.CROSS
    isolated_margin: Decimal = ZERO
    """Part of the account's cash that stands for an isolated position alone, USDC; 0 for a cross one."""

    @property
    def is_open(self) -> bool:
        return self.size > 0

    @property
    def is_isolated(self) -> bool:
        return self.margin_mode is MarginMode.ISOLATED

    @property
    def signed_size(self) -> Decimal:
        return self.size * self.side.sign

    @property
    def entry_price(self) -> Decimal:
        """Average entry in USDC, rounded to 10 decimals; 0 when flat."""
        if not self.size:
            return ZERO
        return CONTEXT.divide(self.entry_notional, self.size).quantize(ENTRY_PRICE_PLACES, context=CONTEXT)

    def value(self, mark: Decimal) -> Decimal:
        """Return the notional at the mark, USDC, never negative."""
        return self.size * mark

    def unrealized_pnl(self, mark: Decimal) -> Decimal:
        """Return ``side * (mark * size - entry_notional)`` in USDC."""
        return self.side.sign * (self.size * mark - self.entry_notional)


@dataclass(frozen=True)
class FillResult:
    """The position after a fill and what the fill closed. `closed_pnl` is None where it closed nothing."""

    position: Position
    closed_size: Decimal
    opened_size: Decimal
    closed_pnl: Decimal | None


def apply_fill(position: Position, side: Side, size: Decimal, price: Decimal) -> FillResult:
    """Apply one fill: open or average, reduce, close, or flip (the rest opens at the fill's price).

    On a reduction the entry notional leaves in proportion, rounded to 1e-6; what is rounded off stays in the position,
    so nothing is ever lost: ``realised + unrealised`` moves by exactly what the price did.
    """
    adds = not position.is_open or position.side.closing_side is not side
    if adds:
        return FillResult(
            replace(
                position,
                side=PositionSide.LONG if side is Side.BUY else PositionSide.SHORT,
                size=position.size + size,
                entry_notional=position.entry_notional + size * price,
            ),
            closed_size=ZERO,
            opened_size=size,
            closed_pnl=None,
        )
    closed = min(size, position.size)
    opened = size - closed
    if closed == position.size:
        leaving = position.entry_notional
    else:
        leaving = round_micro(CONTEXT.divide(position.entry_notional * closed, position.size))
    pnl = position.side.sign * (closed * price - leaving)
    reduced = replace(
        position,
        size=position.size - closed,
        entry_notional=position.entry_notional - leaving,
        realized_pnl=position.realized_pnl + pnl,
    )
    if opened:
        flipped = PositionSide.LONG if side is Side.BUY else PositionSide.SHORT
        reduced = replace(reduced, side=flipped, size=opened, entry_notional=opened * price)
    return FillResult(reduced, closed_size=closed, opened_size=opened, closed_pnl=pnl)
