"""Resting orders: what they fill when the market trades through them."""

from trading.domain import arriving
from trading.domain.admission import check_margin
from trading.domain.book import Level
from trading.domain.enums import AccountStatus, Liquidity
from trading.domain.errors import InsufficientMargin, OrderRejected
from trading.domain.journal import Journal
from trading.domain.money import ZERO
from trading.domain.orders import Order
from trading.domain.queueing import facing, turn
from trading.domain.values import replace


def match(journal: Journal, order_id: int) -> None:
    """Fill an open order, as maker at its own price, with what now stands in the book at that price or better.

    An open position keeps the leverage that it has by now; where there is none the order's own counts.

    Does nothing where the order is no longer open, its account is frozen or the market does not reach it. Cancels it
    where it would only reduce and nothing is left to reduce, or where the account can no longer carry it.
    """
    state, market, now = journal.state, journal.market, journal.now
    order = state.orders.get(order_id)
    if order is None or not order.is_open or state.status is AccountStatus.FROZEN:
        return
    if order.active_at is not None:
        arriving.arrive(journal, order)
        return
    quote = market.quote(order.symbol, now)
    book, prints = market.book(quote), market.prints_of(quote)
    faced = sum((level.size for level in facing(book, order.side, order.remaining, order.price)), ZERO)
    counts = order.ref not in prints.seen and order.queued_at < quote.at
    own = turn(
        side=order.side,
        limit=order.price,
        remaining=order.remaining,
        queue_ahead=order.queue_ahead,
        faced=faced,
        trades=quote.trades if counts else (),
        untaken=prints.within(order.side, order.price),
    )
    prints.seen.add(order.ref)
    size = own.size
    if order.reduce_only:
        position = state.positions.get(order.symbol)
        reducible = position.size if position and position.side.closing_side is order.side else ZERO
        if size and not reducible:
            journal.put_order(order.canceled("reduce_only_canceled", now))
            return
        size = min(size, reducible)
    if not size:
        if own.queue_ahead != order.queue_ahead:
            journal.put_order_quietly(replace(order, queue_ahead=own.queue_ahead))
        return
    filled = replace(order.filled(size, order.price, now), queue_ahead=ZERO)
    if order.reduce_only and filled.is_open and not _still_reduces(journal, order, filled):
        filled = filled.canceled("reduce_only_canceled", now)
    held = state.position(order.symbol, order.leverage)
    leverage = held.leverage if held.is_open else order.leverage
    try:
        check_margin(state, market, filled, (Level(order.price, size),), leverage, journal.policies, Liquidity.MAKER)
    except (InsufficientMargin, OrderRejected):
        journal.put_order(order.canceled("margin_canceled", now))
        return
    journal.set_leverage(order.symbol, leverage)
    journal.put_order(filled)
    journal.fill(order, size, order.price, Liquidity.MAKER, book.quality)
    prints.take(order.side, order.price, size)
    market.take(order.symbol, order.side, facing(book, order.side, size, order.price))


def _still_reduces(journal: Journal, order: Order, filled: Order) -> bool:
    """Tell whether the position outlives the fill, so that the rest of a reduce-only order still has a use."""
    position = journal.state.positions[order.symbol]
    return position.size > filled.filled_size - order.filled_size
