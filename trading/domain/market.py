"""What the rules may know of the market at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.book import Book, Level, crosses, synthetic_book
from trading.domain.enums import FillQuality, Side
from trading.domain.errors import MarketUnavailable, UnknownSymbol
from trading.domain.instruments import Instrument
from trading.domain.liquidity import REFILL, depleted
from trading.domain.money import ZERO


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
    trades: tuple[Level, ...] = ()
    """What others traded since the quote before, where the market tells it."""


@dataclass(slots=True)
class Prints:
    """What became of a quote's trades: `left` is what no order has had yet, `seen` the orders that counted them."""

    left: dict[Decimal, Decimal] = field(default_factory=dict)
    """Size by price."""
    seen: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, quote: Quote) -> "Prints":
        prints = cls()
        for trade in quote.trades:
            prints.left[trade.price] = prints.left.get(trade.price, ZERO) + trade.size
        return prints

    def copy(self) -> "Prints":
        return Prints(dict(self.left), set(self.seen))

    def within(self, side: Side, limit: Decimal) -> Decimal:
        """Return what is left at prices that an order of `side` with this limit may have."""
        return sum((size for price, size in self.left.items() if crosses(price, limit, side)), ZERO)

    def take(self, side: Side, limit: Decimal, size: Decimal) -> None:
        """Let an order have what is left, that nearest to its limit first."""
        for price in sorted(self.left, reverse=side is Side.BUY):
            if crosses(price, limit, side):
                taken = min(size, self.left[price])
                self.left[price] -= taken
                size -= taken


@dataclass(slots=True)
class Market:
    """Instruments and quotes, as one batch of commands sees them.

    `books` remembers what fills took, so that the same liquidity never fills twice.
    """

    instruments: Mapping[str, Instrument]
    quotes: Mapping[str, Quote]
    stale_after: timedelta = timedelta(seconds=15)
    books: dict[str, Book] = field(default_factory=dict)
    """What still stands, for each symbol that somebody looked at."""
    lacking: Mapping[tuple[str, Side], Decimal] = field(default_factory=dict)
    """What a side of an assumed book lacked when the batch began, by symbol and the side of takers, USDC."""
    taken: dict[tuple[str, Side], Decimal] = field(default_factory=dict)
    """What the batch took from assumed books besides."""
    prints: dict[str, Prints] = field(default_factory=dict)
    at: datetime | None = None
    """The time (UTC) that the batch sees it at, where somebody keeps what it takes."""
    refill: timedelta = REFILL
    """How long a side of an assumed book takes to stand again once it was taken whole."""

    def copy(self) -> "Market":
        """Return the same market: what is taken from the one is not missing to the other."""
        prints = {symbol: each.copy() for symbol, each in self.prints.items()}
        return replace(self, books=dict(self.books), taken=dict(self.taken), prints=prints)

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
        if self.is_stale(quote, now):
            raise MarketUnavailable(symbol, f"the last price is from {quote.at:%Y-%m-%dT%H:%M:%SZ}")
        return quote

    def is_fresh(self, symbol: str, now: datetime) -> bool:
        """Tell whether a symbol is listed and can be traded on."""
        quote = self.quotes.get(symbol)
        return symbol in self.instruments and quote is not None and not self.is_stale(quote, now)

    def is_stale(self, quote: Quote, now: datetime) -> bool:
        """Tell whether a quote is too old to trade on, or from a future in which a clock was: nobody knows how old."""
        return quote.expires and abs(now - quote.at) > self.stale_after

    def book(self, quote: Quote) -> Book:
        """Return what still stands in the book of a quote, assumed around the mark where the market gives none."""
        book = self.books.get(quote.symbol)
        if book is None:
            book = self.untouched_book(quote)
            if book.quality is not FillQuality.BOOK:
                book = self._depleted(quote.symbol, book)
            self.books[quote.symbol] = book
        return book

    def untouched_book(self, quote: Quote) -> Book:
        """Return the book of a quote as if nobody here had taken anything."""
        return quote.book or synthetic_book(self.instrument(quote.symbol), quote.mark)

    def _depleted(self, symbol: str, book: Book) -> Book:
        places = self.instrument(symbol).size_decimals
        asks, bids = (self.lacking.get((symbol, side), ZERO) for side in (Side.BUY, Side.SELL))
        if not (asks or bids):
            return book
        return Book(depleted(book.bids, bids, places), depleted(book.asks, asks, places), book.quality)

    def take(self, symbol: str, side: Side, taken: Sequence[Level]) -> None:
        """Remember what an order of `side` took."""
        book = self.books[symbol]
        self.books[symbol] = book.without(side, taken)
        if book.quality is not FillQuality.BOOK:
            notional = sum((level.price * level.size for level in taken), ZERO)
            self.taken[symbol, side] = self.taken.get((symbol, side), ZERO) + notional

    def prints_of(self, quote: Quote) -> Prints:
        """Return what became of a quote's trades so far."""
        return self.prints.setdefault(quote.symbol, Prints.of(quote))

    def mark(self, symbol: str, otherwise: Decimal) -> Decimal:
        """Return the last mark however old it is (equity must always be tellable), else the price given."""
        quote = self.quotes.get(symbol)
        return otherwise if quote is None else quote.mark
