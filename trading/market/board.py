"""The prices that this process knows now, in memory."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.book import Book
from trading.domain.enums import Side
from trading.domain.instruments import Instrument
from trading.domain.liquidity import REFILL, Eaten
from trading.domain.market import Market, Prints, Quote
from trading.domain.money import ZERO

SET_BACK = timedelta(minutes=1)
"""A price that is older than the last one by more is not late: the clock was set back."""


class Board:
    """Last quotes, and what fills took from their books since. Safe to use from any thread.

    What was taken from a real book, and of a quote's trades, is remembered until the market gives the next one; what
    was taken from assumed books until it is refilled. Each process remembers what it took itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quotes: dict[str, Quote] = {}
        self._books: dict[str, Book] = {}
        self._prints: dict[str, Prints] = {}
        self._eaten: dict[tuple[str, Side], Eaten] = {}

    def put(self, quotes: Iterable[Quote]) -> list[Quote]:
        """Take newer quotes and return those that were new. A new quote brings a new book."""
        fresh: list[Quote] = []
        with self._lock:
            for quote in quotes:
                known = self._quotes.get(quote.symbol)
                if known is not None and known.at - SET_BACK <= quote.at <= known.at:
                    continue
                self._quotes[quote.symbol] = quote
                self._prints.pop(quote.symbol, None)
                if not _repeats(known, quote):
                    self._books.pop(quote.symbol, None)
                fresh.append(quote)
        return fresh

    @property
    def quotes(self) -> dict[str, Quote]:
        with self._lock:
            return dict(self._quotes)

    def market(
        self,
        instruments: Mapping[str, Instrument],
        stale_after: timedelta,
        now: datetime | None = None,
        refill: timedelta = REFILL,
    ) -> Market:
        """Return the market as it is now (UTC), for one batch of commands.

        `refill` is how long the assumed side of a book takes to stand again once it was taken whole.
        """
        with self._lock:
            return Market(
                instruments,
                dict(self._quotes),
                stale_after,
                dict(self._books),
                lacking=self._lacking(instruments, now, refill),
                prints={symbol: prints.copy() for symbol, prints in self._prints.items()},
                at=now,
                refill=refill,
            )

    def keep(self, market: Market) -> None:
        """Remember what a committed batch took from the books of quotes that are still the last ones."""
        with self._lock:
            for symbol, book in market.books.items():
                last, seen = self._quotes.get(symbol), market.quotes.get(symbol)
                if seen is None or seen.book is None or last is None:
                    continue
                if last is seen or _repeats(seen, last):
                    self._books[symbol] = book
            for symbol, prints in market.prints.items():
                if self._quotes.get(symbol) is market.quotes.get(symbol):
                    self._prints[symbol] = prints
            for (symbol, side), notional in market.taken.items():
                self._eat(market, symbol, side, notional)

    def clear(self) -> None:
        with self._lock:
            self._quotes.clear()
            self._books.clear()
            self._prints.clear()
            self._eaten.clear()

    def _lacking(
        self, instruments: Mapping[str, Instrument], now: datetime | None, refill: timedelta
    ) -> dict[tuple[str, Side], Decimal]:
        lacking: dict[tuple[str, Side], Decimal] = {}
        for (symbol, side), eaten in list(self._eaten.items()):
            if symbol in instruments:
                lacking[symbol, side] = eaten.lacking(now or eaten.at, instruments[symbol], refill)
                if not lacking[symbol, side]:
                    del self._eaten[symbol, side], lacking[symbol, side]
        return lacking

    def _eat(self, market: Market, symbol: str, side: Side, notional: Decimal) -> None:
        before, now = self._eaten.get((symbol, side)), market.at
        if now is None:
            return
        lacked = ZERO if before is None else before.lacking(now, market.instruments[symbol], market.refill)
        self._eaten[symbol, side] = Eaten(lacked + notional, now)


def _repeats(known: Quote | None, quote: Quote) -> bool:
    """Tell whether a feed only says again what stands. A price that somebody put is always a new one."""
    return known is not None and quote.expires and (known.mark, known.book) == (quote.mark, quote.book)


board = Board()
