"""The prices that this process knows now, in memory."""

import threading
from collections.abc import Iterable, Mapping
from datetime import timedelta

from trading.domain.book import Book
from trading.domain.instruments import Instrument
from trading.domain.market import Market, Quote


class Board:
    """Last quotes, and what fills took from their books since. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quotes: dict[str, Quote] = {}
        self._books: dict[str, Book] = {}

    def put(self, quotes: Iterable[Quote]) -> list[Quote]:
        """Take newer quotes and return those that were new. A new quote brings a new book."""
        fresh: list[Quote] = []
        with self._lock:
            for quote in quotes:
                known = self._quotes.get(quote.symbol)
                if known is not None and quote.at <= known.at:
                    continue
                self._quotes[quote.symbol] = quote
                if not _repeats(known, quote):
                    self._books.pop(quote.symbol, None)
                fresh.append(quote)
        return fresh

    @property
    def quotes(self) -> dict[str, Quote]:
        with self._lock:
            return dict(self._quotes)

    def market(self, instruments: Mapping[str, Instrument], stale_after: timedelta) -> Market:
        """Return the market as it is now, for one batch of commands."""
        with self._lock:
            return Market(instruments, dict(self._quotes), stale_after, dict(self._books))

    def keep(self, market: Market) -> None:
        """Remember what a committed batch took from the books of quotes that are still the last ones."""
        with self._lock:
            for symbol, book in market.books.items():
                last, seen = self._quotes.get(symbol), market.quotes.get(symbol)
                if last is not None and (last is seen or _repeats(seen, last)):
                    self._books[symbol] = book

    def clear(self) -> None:
        with self._lock:
            self._quotes.clear()
            self._books.clear()


def _repeats(known: Quote | None, quote: Quote) -> bool:
    """Tell whether a feed only says again what stands. A price that somebody put is always a new one."""
    return known is not None and quote.expires and (known.mark, known.book) == (quote.mark, quote.book)


board = Board()
