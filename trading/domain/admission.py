"""Whether an account has the margin for an order."""

from decimal import Decimal

from trading.domain import margin
from trading.domain.book import Level
from trading.domain.enums import Liquidity
from trading.domain.errors import FieldProblem, InsufficientMargin, OrderRejected
from trading.domain.fees import fee
from trading.domain.isolated import book_fill, releveraged
from trading.domain.market import Market
from trading.domain.money import ZERO, round_micro
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.positions import Position
from trading.domain.risk import pool_with
from trading.domain.state import AccountState
from trading.domain.values import replace


def check_margin(
    state: AccountState,
    market: Market,
    order: Order,
    fills: tuple[Level, ...],
    leverage: int,
    policies: Policies,
    liquidity: Liquidity = Liquidity.TAKER,
) -> None:
    """Refuse an order that opens or will open more than the account has free margin for.

    `order` is the order as it will stand after `fills`, `state` the account before them, `leverage` the position's
    after them. Needed: what the fills open, at their prices, over the leverage, what resting orders will hold more
    than before, and what a lower leverage ties up more. Available: the cross value after the part that closes, less
    the margin of what remains of the cross positions and of the open orders. An order that only closes is never
    refused. The fees of the fills, of their `liquidity`, are part of what is needed only by the policy
    `margin_for_fees`: the venue's documentation leaves it open.

    What the fills open must have its maintenance margin afterwards, too, at the mark: the book may stand far from it.
    """
    before = state.position(order.symbol, leverage)
    mark = market.mark(order.symbol, otherwise=before.entry_price)
    kept = after = releveraged(before, leverage, mark)
    cash, opened = state.cash, ZERO
    for level in fills:
        after = book_fill(after, order.side, level.size, level.price, ZERO).position
        closing = min(level.size, kept.size) if kept.side.closing_side is order.side else ZERO
        if closing:
            result = book_fill(kept, order.side, closing, level.price, ZERO)
            kept, cash = result.position, cash + (result.closed_pnl or ZERO)
        opened += (level.size - closing) * level.price
    held_before, held_after, held_by_others = _held(state, order, after, bool(fills))
    rest_opens = held_after > held_by_others
    lowered, raised = (before.is_open and sign * leverage > sign * before.leverage for sign in (-1, 1))
    if opened or raised:
        _check_tier(market, order, after)
    if not (opened or rest_opens or lowered):
        return
    marks = state.marks(market)
    positions = [kept, *(p for symbol, p in state.positions.items() if symbol != order.symbol)]
    rate = state.fee_rates.rate(liquidity) if policies.margin_for_fees else ZERO
    fees = sum((fee(level.price, level.size, rate) for level in fills), ZERO)
    needed = margin.initial_margin(opened, leverage) + max(ZERO, held_after - held_before) + fees
    used = margin.margin_used(margin.cross_positions(positions), marks)
    available = margin.cross_value(cash, positions, marks) - used - held_before
    _check_covered(needed, available)
    if opened:
        pool = pool_with(replace(state.with_position(after), cash=cash), order.symbol, market)
        _check_covered(pool.maintenance + fees, pool.value)


def _held(state: AccountState, order: Order, after: Position, has_fills: bool) -> tuple[Decimal, Decimal, Decimal]:
    """Return what open orders hold: the others before it, all after it, and the others after it. USDC."""
    if not order.is_open and not any(other.is_open and other.ref != order.ref for other in state.orders.values()):
        return ZERO, ZERO, ZERO  # nothing rests, as with most orders that go to the market
    without = state.with_order(order.canceled("", order.updated_at))
    before = without.order_margin()
    by_all = state.with_position(after).with_order(order).order_margin()
    return before, by_all, without.with_position(after).order_margin() if has_fills else before


def _check_covered(needed: Decimal, available: Decimal) -> None:
    if needed > available:
        missing = -min(ZERO, available)  # what the leverage or the marks tie up more than there is
        raise InsufficientMargin(round_micro(needed + missing), round_micro(available + missing))


def _check_tier(market: Market, order: Order, after: Position) -> None:
    """Refuse what would hold a position in a margin tier that does not allow its leverage."""
    notional = after.value(market.mark(order.symbol, otherwise=order.price))
    allowed = margin.maintenance(market.instrument(order.symbol).tiers, notional).max_leverage
    if after.leverage > allowed:
        raise OrderRejected(
            f"A position worth {round_micro(notional):f} USDC may have a leverage of at most {allowed}; lower it.",
            reason="leverage_rejected",
            fields=[FieldProblem("leverage", f"must be at most {allowed} for a position of this size")],
        )
