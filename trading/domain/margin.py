"""Cross margin: what positions tie up, what may be withdrawn, and where an account would be liquidated.

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


def _brackets(tiers: Sequence[MarginTier]) -> list[tuple[MarginTier, Decimal, Decimal]]:
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
    brackets = _brackets(tiers)
    within = (row for row in reversed(brackets) if notional > row[0].lower_notional)
    tier, rate, deduction = next(within, brackets[0])
    return Maintenance(notional * rate - deduction, rate, deduction, tier.max_leverage)


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """Return ``notional / leverage`` in USDC."""
    return CONTEXT.divide(notional, Decimal(leverage))


def account_value(cash: Decimal, positions: Iterable[Position], marks: Mapping[str, Decimal]) -> Decimal:
    """Return equity: cash plus the unrealised PnL of all positions at their marks, USDC."""
    return cash + sum((p.unrealized_pnl(marks[p.symbol]) for p in positions if p.is_open), ZERO)


def margin_used(positions: Iterable[Position], marks: Mapping[str, Decimal]) -> Decimal:
    """Return the initial margin that all positions tie up at their marks, USDC."""
    return sum((initial_margin(p.value(marks[p.symbol]), p.leverage) for p in positions if p.is_open), ZERO)


def withdrawable(value: Decimal, used: Decimal, notional: Decimal, order_margin: Decimal) -> Decimal:
    """Return ``value - max(used, 10 % of notional) - order_margin``, not below 0, USDC."""
    return max(ZERO, value - max(used, WITHDRAWABLE_NOTIONAL_SHARE * notional) - order_margin)


def cross_maintenance(
    positions: Iterable[Position], marks: Mapping[str, Decimal], instruments: Mapping[str, Instrument]
) -> Decimal:
    """Return the maintenance margin of all positions together, USDC."""
    return sum(
        (maintenance(instruments[p.symbol].tiers, p.value(marks[p.symbol])).margin for p in positions if p.is_open),
        ZERO,
    )


def is_liquidatable(value: Decimal, total_maintenance: Decimal) -> bool:
    """Tell whether an account no longer has its maintenance margin."""
    return value < total_maintenance


def is_for_backstop(value: Decimal, total_maintenance: Decimal) -> bool:
    """Tell whether an account has less than two thirds of its maintenance margin."""
    return 3 * value < 2 * total_maintenance


def liquidation_price(
    position: Position, mark: Decimal, value: Decimal, total_maintenance: Decimal, tiers: Sequence[MarginTier]
) -> Decimal | None:
    """Return the mark at which the account's value would meet its maintenance margin, all other marks held.

    `value` and `total_maintenance` are the account's (USDC, at today's marks). With
    ``available = value - (total_maintenance - own)`` and the rate l and deduction d of the tier at the price sought:
    ``price = (side * size * mark - available - d) / (size * (side - l))``. None where that is not above 0.
    """
    if not position.is_open:
        return None
    side = position.side.sign
    available = value - total_maintenance + maintenance(tiers, position.value(mark)).margin
    brackets = _brackets(tiers)
    notional = ZERO
    for (_tier, rate, deduction), above in zip_longest(brackets, brackets[1:]):
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
