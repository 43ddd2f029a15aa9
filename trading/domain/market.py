"""What the rules may know of the market at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.book import Book, Level, synthetic_book
from trading.domain.enums import FillQuality, Side
from trading.domain.errors import MarketUnavailable, UnknownSymbol
from trading.domain.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Bar:
    """One closed candle. Prices in USDC, volume in units of the symbol.

    `number` counts a symbol's bars without holes, across restarts and loops of a replay.
    """

    symbol: str
    number: int
    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """The prices of one instrument. `at` is when the market said so (UTC); `book` is None where it gives none."""

    symbol: str
    mark: Decimal
    at: datetime
    oracle: Decimal | None = None
    book: Book | None = None
    expires: bool = True
    """False where a price stands until it is replaced (the manual market)."""


@dataclass(slots=True)
class Market:
    """Instruments and quotes, as one batch of commands sees them.

    `books` remembers what fills took, so that the same liquidity never fills twice.
    """

    instruments: Mapping[str, Instrument]
    quotes: Mapping[str, Quote]
    stale_after: timedelta = timedelta(seconds=15)
    books: dict[str, Book] = field(default_factory=dict)

    def instrument(self, symbol: str) -> Instrument:
        """Return the instrument; raise `UnknownSymbol` where nobody lists it."""
        try:
            return self.instruments[symbol]
        except KeyError:
            raise UnknownSymbol(symbol, sorted(self.instruments)) from None

    def quote(self, symbol: str, now: datetime) -> Quote:
        """Return the fresh quote; raise `MarketUnavailable` where there is none or it is too old."""
        quote = self.quotes.get(symbol)
        if quote is None:
            raise MarketUnavailable(symbol, "no price has been received yet")
        if quote.expires and now - quote.at > self.stale_after:
            raise MarketUnavailable(symbol, f"the last price is from {quote.at:%Y-%m-%dT%H:%M:%SZ}")
        return quote

    def book(self, quote: Quote) -> Book:
        """Return what still stands in the book of a quote, assumed around the mark where the market gives none."""
        book = self.books.get(quote.symbol)
        if book is None:
            book = quote.book or synthetic_book(self.instrument(quote.symbol), quote.mark)
            self.books[quote.symbol] = book
        return book

    def take(self, symbol: str, side: Side, taken: Sequence[Level]) -> None:
        """Remember what an order of `side` took. Only of a real book: an assumed one stands again at once."""
        book = self.books[symbol]
        if book.quality is FillQuality.BOOK:
            self.books[symbol] = book.without(side, taken)

    def mark(self, symbol: str, otherwise: Decimal) -> Decimal:
        """Return the last mark however old it is (equity must always be tellable), else the price given."""
        quote = self.quotes.get(symbol)
        return otherwise if quote is None else quote.mark
