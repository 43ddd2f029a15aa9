"""Resting orders and their turn: what of the market reaches an order, and who stands before it.

An order that comes to rest stands behind what the book shows at its price. It fills

- as far as the other side of the book stands at its price or beyond. A real book that shows the other side at a price
  no longer has anybody at that price on the order's own side: the queue is gone. Of an assumed book only what lies
  strictly beyond counts: nobody knows the queue where the market merely touches a price;
- where the market tells its trades, by what traded beyond its price, and by what traded at its price once the queue
  ahead has traded. Never by more than was traded, whoever of the exchange's own orders gets it first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.domain.book import Book, Level, walk
from trading.domain.enums import FillQuality, Side
from trading.domain.money import ZERO


@dataclass(frozen=True, slots=True)
class Turn:
    """What an order may fill now, in units of the symbol, and what then stands ahead of it."""

    size: Decimal
    queue_ahead: Decimal


def queue_at(book: Book, side: Side, price: Decimal) -> Decimal:
    """Return the size that a real book shows at a price on the side of an order that comes to rest there."""
    if book.quality is not FillQuality.BOOK:
        return ZERO
    own = book.bids if side is Side.BUY else book.asks
    return sum((level.size for level in own if level.price == price), ZERO)


def beyond(price: Decimal, limit: Decimal, side: Side) -> bool:
    """Tell whether a price is strictly better for an order of `side` than its limit."""
    return price < limit if side is Side.BUY else price > limit


def facing(book: Book, side: Side, size: Decimal, limit: Decimal) -> tuple[Level, ...]:
    """Return the levels of the other side that would trade with a resting order, best first, up to its size."""
    levels = walk(book, side, size, limit)
    if book.quality is FillQuality.BOOK:
        return levels
    return tuple(level for level in levels if beyond(level.price, limit, side))


def turn(
    *,
    side: Side,
    limit: Decimal,
    remaining: Decimal,
    queue_ahead: Decimal,
    faced: Decimal,
    trades: Sequence[Level],
    untaken: Decimal,
) -> Turn:
    """Return how far an order's turn has come.

    `faced` is the size of the other side that stands at its limit, `trades` what the market traded since it was looked
    at last, `untaken` how much of that, within the limit, no order of the exchange has had yet.
    """
    through = sum((trade.size for trade in trades if beyond(trade.price, limit, side)), ZERO)
    touched = sum((trade.size for trade in trades if trade.price == limit), ZERO)
    queue = ZERO if faced or through else max(ZERO, queue_ahead - touched)
    behind_queue = through + max(ZERO, touched - (ZERO if through else queue_ahead))
    return Turn(min(remaining, max(faced, min(behind_queue, untaken))), queue)


def reach(book: Book, trades: Iterable[Level]) -> tuple[Decimal | None, Decimal | None]:
    """Return the lowest price of a buy order and the highest of a sell order that the market may reach now."""
    prices = [trade.price for trade in trades]
    lowest = [*prices, book.asks[0].price] if book.asks else prices
    highest = [*prices, book.bids[0].price] if book.bids else prices
    return min(lowest, default=None), max(highest, default=None)
