"""An order meets the book: what it takes at once, and what becomes of the rest."""

from trading.domain.book import Book, Level, crosses, walk
from trading.domain.enums import Liquidity, TimeInForce
from trading.domain.errors import FieldProblem, OrderRejected
from trading.domain.journal import Journal
from trading.domain.orders import Order
from trading.domain.queueing import queue_at
from trading.domain.values import replace

Taken = tuple[Level, ...]
NOTHING: Taken = ()


def would_trade_at_once(order: Order, book: Book) -> bool:
    """Tell whether a post-only order crosses the book, which it must not."""
    against = book.against(order.side)
    is_alo = order.time_in_force is TimeInForce.ALO
    return bool(is_alo and against and crosses(against[0].price, order.price, order.side))


def refuse_crossing(order: Order, book: Book) -> None:
    """Refuse a post-only order that crosses the book."""
    if would_trade_at_once(order, book):
        best = book.against(order.side)[0].price
        raise OrderRejected(
            f"A post-only order at {order.price:f} would trade at once with {best:f}; move its price away.",
            reason="bad_alo_px_rejected",
            fields=[FieldProblem("price", "would trade at once")],
        )


def meet(order: Order, book: Book) -> tuple[Order, Taken]:
    """Return an open order after it took what its limit reaches, and what it took. The rest rests or is canceled.

    What rests queues behind what the book shows at its price.
    """
    now = order.updated_at
    taken = () if order.time_in_force is TimeInForce.ALO else walk(book, order.side, order.remaining, order.price)
    final = order
    for level in taken:
        final = final.filled(level.size, level.price, now)
    if not final.is_open:
        return final, taken
    if order.time_in_force is TimeInForce.IOC:
        return final.canceled("market_canceled" if order.order_type.is_market else "ioc_canceled", now), taken
    return replace(final, queue_ahead=queue_at(book, order.side, order.price)), taken


def carry_out(journal: Journal, final: Order, taken: Taken, book: Book, *, leverage: int, created: bool) -> None:
    """Book an order that met the book: the order as it stands after it, then each fill."""
    journal.set_leverage(final.symbol, leverage)
    journal.put_order(final, created=created)
    for level in taken:
        journal.fill(final, level.size, level.price, Liquidity.TAKER, book.quality)
    if taken:
        journal.market.take(final.symbol, final.side, taken)
