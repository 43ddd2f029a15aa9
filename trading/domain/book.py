"""Order books: what stands where, and what a taker gets from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

from trading.domain.enums import FillQuality, Side
from trading.domain.instruments import Instrument, round_to_tick
from trading.domain.money import CONTEXT, ZERO

SYNTHETIC_LEVELS = 20


class Level(NamedTuple):
    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Bids best (highest) first, asks best (lowest) first. Sizes in units of the symbol."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    quality: FillQuality = FillQuality.BOOK

    def against(self, side: Side) -> tuple[Level, ...]:
        """Return the levels that an order of `side` takes from, best first."""
        return self.asks if side is Side.BUY else self.bids

    @property
    def mid(self) -> Decimal | None:
        """The middle of the best bid and the best ask, or None where a side is empty."""
        if not self.bids or not self.asks:
            return None
        return (self.bids[0].price + self.asks[0].price) / 2

    def without(self, side: Side, taken: Iterable[Level]) -> "Book":
        """Return the book after an order of `side` took these sizes at these prices."""
        gone: dict[Decimal, Decimal] = {}
        for level in taken:
            gone[level.price] = gone.get(level.price, ZERO) + level.size
        left: list[Level] = []
        for level in self.against(side):
            lost = gone.get(level.price)
            if lost is None:
                left.append(level)
            elif level.size > lost:
                left.append(Level(level.price, level.size - lost))
        if side is Side.BUY:
            return Book(self.bids, tuple(left), self.quality)
        return Book(tuple(left), self.asks, self.quality)


def crosses(level_price: Decimal, limit: Decimal, side: Side) -> bool:
    """Tell whether an order of `side` with this limit may trade at a price."""
    return level_price <= limit if side is Side.BUY else level_price >= limit


def walk(book: Book, side: Side, size: Decimal, limit: Decimal) -> tuple[Level, ...]:
    """Take up to `size` from the book, best price first, no worse than `limit`; what is beyond stays unfilled."""
    taken: list[Level] = []
    left = size
    for level in book.against(side):
        if left <= 0 or not crosses(level.price, limit, side):
            break
        quantity = min(left, level.size)
        taken.append(Level(level.price, quantity))
        left -= quantity
    return tuple(taken)


def levels_from(rows: Sequence[Sequence[object]]) -> tuple[Level, ...]:
    """Build levels from ``[[price, size], …]``."""
    return tuple(Level(Decimal(str(price)), Decimal(str(size))) for price, size in rows)


@lru_cache(maxsize=64)
def synthetic_book(instrument: Instrument, mark: Decimal) -> Book:
    """Assume a book around the mark where the market gives none.

    Level i stands ``half_spread * (2i + 1)`` from the mark and holds `depth_notional` USDC, so that the cost of a
    taker grows with its size. Prices are rounded to the tick against the taker.
    """

    depth, places = instrument.depth_notional, instrument.size_decimals

    def side(taker: Side) -> tuple[Level, ...]:
        # Never in the taker's favour: up for a buyer, down for a seller.
        rounding = ROUND_CEILING if taker is Side.BUY else ROUND_FLOOR
        levels: list[Level] = []
        last = ZERO
        for factor in _factors(instrument.half_spread_bps, taker):
            price = round_to_tick(mark * factor, places, rounding)
            if price <= ZERO or price == last:
                continue
            size = round(depth / price, places)
            if size:
                last = price
                levels.append(Level(price, size))
        return tuple(levels)

    return Book(bids=side(Side.SELL), asks=side(Side.BUY), quality=FillQuality.SYNTHETIC)


@lru_cache(maxsize=64)
def _factors(half_spread_bps: Decimal, taker: Side) -> tuple[Decimal, ...]:
    """Return how far from the mark each level of an assumed book stands, as factors of it."""
    with localcontext(CONTEXT):
        offsets = [half_spread_bps / 10_000 * (2 * step + 1) for step in range(SYNTHETIC_LEVELS)]
        return tuple(1 + taker.sign * offset for offset in offsets)
