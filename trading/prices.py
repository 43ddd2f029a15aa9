"""Prices between processes: the engine writes them, whoever is not fed by one reads them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from trading.domain.market import Market, Quote
from trading.market.board import Board
from trading.models import Instrument, MarketPrice

FRESH = timedelta(seconds=1)


def store(quotes: Iterable[Quote]) -> None:
    """Write the last quotes, one statement for all."""
    rows = [MarketPrice.from_quote(quote) for quote in quotes]
    if rows:
        MarketPrice.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["instrument"],
            update_fields=["mark", "oracle", "bids", "asks", "at", "expires"],
        )


def stored() -> list[Quote]:
    """Read the last quotes that were written. Only in the manual market does a price stand until it is replaced."""
    manual = settings.HYPERORU_MARKET == "manual"
    quotes = [row.to_quote() for row in MarketPrice.objects.all()]
    return quotes if manual else [replace(quote, expires=True) for quote in quotes]


def market_now(board: Board, now: datetime | None = None) -> Market:
    """Return the instruments and the freshest prices: the board's, after a look at the stored ones if it is behind."""
    now = now or timezone.now()
    instruments = {row.symbol: row.to_domain() for row in Instrument.objects.filter(listed=True)}
    quotes = board.quotes
    if any(symbol not in quotes or now - quotes[symbol].at > FRESH for symbol in instruments):
        board.put(stored())
    return board.market(instruments, timedelta(seconds=settings.HYPERORU_STALE_AFTER_S))
