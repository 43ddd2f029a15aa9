"""What the engine keeps in the database: the last prices, where a feed is, and who leads."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models

from accounts.fields import PriceField
from trading.domain.book import Book, levels_from
from trading.domain.market import Quote
from trading.models.instrument import Instrument


class MarketPrice(models.Model):
    """The last quote of an instrument, for processes that the engine is not in.

    `bids` and `asks`: ``[["price", "size"], …]``, best first, or NULL where the market gives no book. `expires` is
    False where a price stands until it is replaced (the manual market).
    """

    instrument = models.OneToOneField(Instrument, on_delete=models.CASCADE, primary_key=True, related_name="price")
    mark = PriceField()
    oracle = PriceField(null=True, blank=True)
    bids = models.JSONField(null=True, blank=True)
    asks = models.JSONField(null=True, blank=True)
    at = models.DateTimeField()
    expires = models.BooleanField(default=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(mark__gt=0), name="market_price_mark_gt_0")]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.mark}"

    @classmethod
    def from_quote(cls, quote: Quote) -> "MarketPrice":
        def rows(levels: Any) -> list[list[str]]:
            return [[f"{level.price:f}", f"{level.size:f}"] for level in levels]

        return cls(
            instrument_id=quote.symbol,
            mark=quote.mark,
            oracle=quote.oracle,
            bids=rows(quote.book.bids) if quote.book else None,
            asks=rows(quote.book.asks) if quote.book else None,
            at=quote.at,
            expires=quote.expires,
        )

    def to_quote(self) -> Quote:
        book = None
        if self.bids is not None or self.asks is not None:
            book = Book(levels_from(self.bids or []), levels_from(self.asks or []))
        mark: Decimal = self.mark
        at: datetime = self.at
        return Quote(self.instrument_id, mark, at, self.oracle, book, self.expires)


class FeedCursor(models.Model):
    """Where a market feed goes on after a restart."""

    feed = models.CharField(max_length=20, primary_key=True)
    position = models.JSONField()

    def __str__(self) -> str:
        return self.feed


class EngineLease(models.Model):
    """Who runs the engine. `fence` grows with each new leader: what an earlier one still writes is refused."""

    name = models.CharField(max_length=20, primary_key=True)
    holder = models.CharField(max_length=100)
    fence = models.PositiveBigIntegerField(default=0)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.holder} until {self.expires_at:%H:%M:%S}"
