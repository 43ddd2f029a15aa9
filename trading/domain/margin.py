"""Margin: what positions tie up, what may be withdrawn, and where an account would be liquidated.

All cross positions of an account stand together, with all its cash that no isolated position has to itself; each
isolated position stands alone.

Source of the formulae: Hyperliquid documentation, "Margining", "Margin tiers" and "Liquidations".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

from trading.domain.instruments import Instrument, MarginTier
from trading.domain.money import CONTEXT, ZERO
from trading.domain.positions import Position

WITHDRAWABLE_NOTIONAL_SHARE = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Maintenance margin of one position in USDC, with the tier's rate and deduction that gave it."""

    margin: Decimal
    rate: Decimal
    deduction: Decimal
    max_leverage: int


def maintenance_lines(tiers: Sequence[MarginTier]) -> list[tuple[MarginTier, Decimal, Decimal]]:
    """Return (tier, maintenance rate, deduction): ``rate = 1 / (2 * max_leverage)``, deductions keep it continuous."""
    rows: list[tuple[MarginTier, Decimal, Decimal]] = []
    for tier in tiers:
        rate = CONTEXT.divide(Decimal(1), Decimal(2 * tier.max_leverage))
        deduction = rows[-1][2] + tier.lower_notional * (rate - rows[-1][1]) if rows else ZERO
        rows.append((tier, rate, deduction))
    return rows


def maintenance(tiers: Sequence[MarginTier], notional: Decimal) -> Maintenance:
    """Return the maintenance margin: ``notional * rate - deduction`` of the tier in which the notional lies.

    A notional that is exactly a tier's lower bound still belongs to the tier below.
    """
    rows = maintenance_lines(tiers)
    within = (row for row in reversed(rows) if notional > row[0].lower_notional)
    tier, rate, deduction = next(within, rows[0])
    return Maintenance(notional * rate - deduction, rate, deduction, tier.max_leverage)


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """Return ``notional / leverage`` in USDC."""
    return CONTEXT.divide(notional, Decimal(leverage))


def account_value(cash: Decimal, positions: Iterable[Position], marks: Mapping[str, Decimal]) -> Decimal:
    """Return equity: cash plus the unrealised PnL of all positions at their marks, USDC."""
    return cash + sum((p.unrealized_pnl(marks[p.symbol]) for p in positions if p.is_open), ZERO)


def cross_positions(positions: Iterable[Position]) -> list[Position]:
    """Return the open positions that stand together."""
    return [p for p in positions if p.is_open and not p.is_isolated]


def isolated_positions(positions: Iterable[Position]) -> list[Position]:
    """Return the open positions of which each stands alone."""
    return [p for p in positions if p.is_open and p.is_isolated]


def cross_value(cash: Decimal, positions: Sequence[Position], marks: Mapping[str, Decimal]) -> Decimal:
    """Return what stands for the cross positions, USDC: their unrealised PnL and the cash that is not isolated."""
    free = cash - sum((p.isolated_margin for p in positions), ZERO)
    return account_value(free, cross_positions(positions), marks)


def position_margin(position: Position, mark: Decimal) -> Decimal:
    """Return what a position ties up, USDC: of a cross one its initial margin, of an isolated one all it is worth."""
    if position.is_isolated:
        return position.isolated_margin + position.unrealized_pnl(mark)
    return initial_margin(position.value(mark), position.leverage)


def margin_used(positions: Iterable[Position], marks: Mapping[str, Decimal]) -> Decimal:
    """Return what all positions tie up at their marks, USDC."""
    return sum((position_margin(p, marks[p.symbol]) for p in positions if p.is_open), ZERO)


def withdrawable(
    value: Decimal,
    used: Decimal,
    notional: Decimal,
    order_margin: Decimal,
    share: Decimal = WITHDRAWABLE_NOTIONAL_SHARE,
) -> Decimal:
    """Return ``value - max(used, share * notional) - order_margin``, not below 0, USDC.

    Value, initial margin used and notional of the cross positions; `share` a fraction.
    """
    return max(ZERO, value - max(used, share * notional) - order_margin)


def cross_maintenance(
    positions: Iterable[Position], marks: Mapping[str, Decimal], instruments: Mapping[str, Instrument]
) -> Decimal:
    """Return the maintenance margin of all cross positions together, USDC."""
    held = cross_positions(positions)
    return sum((maintenance(instruments[p.symbol].tiers, p.value(marks[p.symbol])).margin for p in held), ZERO)


def is_liquidatable(value: Decimal, total_maintenance: Decimal) -> bool:
    """Tell whether an account no longer has its maintenance margin."""
    return value < total_maintenance


def is_for_backstop(value: Decimal, total_maintenance: Decimal) -> bool:
    """Tell whether an account has less than two thirds of its maintenance margin."""
    return 3 * value < 2 * total_maintenance


def liquidation_price(
    position: Position, mark: Decimal, value: Decimal, total_maintenance: Decimal, tiers: Sequence[MarginTier]
) -> Decimal | None:
    """Return the mark at which the value would meet the maintenance margin, all other marks held.

    `value` and `total_maintenance` are those of what stands together: of all cross positions, or of the isolated
    position alone (USDC, at today's marks). With
    ``available = value - (total_maintenance - own)`` and the rate l and deduction d of the tier at the price sought:
    ``price = (side * size * mark - available - d) / (size * (side - l))``. None where that is not above 0.
    """
    if not position.is_open:
        return None
    side = position.side.sign
    available = value - total_maintenance + maintenance(tiers, position.value(mark)).margin
    rows = maintenance_lines(tiers)
    notional = ZERO
    for (_tier, rate, deduction), above in zip_longest(rows, rows[1:]):
        notional = CONTEXT.divide(side * position.size * mark - available - deduction, side - rate)
        # Value less maintenance moves one way only with the price: the first tier that reaches it has it.
        if above is None or notional <= above[0].lower_notional:
            break
    price = CONTEXT.divide(notional, position.size)
    return price if price > 0 else None


def return_on_equity(position: Position, mark: Decimal) -> Decimal:
    """Return unrealised PnL over the margin at entry: ``uPnL / (entry_notional / leverage)``, a fraction."""
    if not position.entry_notional:
        return ZERO
    return CONTEXT.divide(position.unrealized_pnl(mark) * position.leverage, position.entry_notional)
