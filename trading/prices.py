"""Prices between processes: the engine writes them, whoever is not fed by one reads them."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from trading.domain.instruments import Instrument as InstrumentValue
from trading.domain.market import Market, Quote
from trading.market.board import Board, board
from trading.models import Instrument, MarketPrice
from trading.rows import Rows, Select, made, upsert

logger = logging.getLogger(__name__)
FRESH = timedelta(seconds=1)
PRICE = tuple(field.attname for field in MarketPrice._meta.concrete_fields)
INSTRUMENT = tuple(field.attname for field in Instrument._meta.concrete_fields)
_instruments = Select(Instrument, *INSTRUMENT, where="listed ORDER BY symbol")
_priced = Select(MarketPrice, "instrument_id", "at", where="true")
_last_listed: tuple[Rows, Mapping[str, InstrumentValue]] = [], {}


def store(quotes: Iterable[Quote]) -> None:
    """Write the last quotes, one statement for all."""
    rows = [MarketPrice.from_quote(quote) for quote in quotes]
    upsert(MarketPrice, [{name: getattr(row, name) for name in PRICE} for row in rows], ("instrument_id",))


def stored() -> list[Quote]:
    """Read the last quotes that were written. Only in the manual market does a price stand until it is replaced."""
    manual = settings.HYPERORU_MARKET == "manual"
    quotes = [row.to_quote() for row in MarketPrice.objects.all()]
    return quotes if manual else [replace(quote, expires=True) for quote in quotes]


def usable(rows: Iterable[Instrument]) -> dict[str, InstrumentValue]:
    """Return instruments by symbol. One whose row can't be used is left out and logged: the others go on."""
    found: dict[str, InstrumentValue] = {}
    for row in rows:
        try:
            found[row.symbol] = row.to_domain()
            found[row.symbol].max_leverage  # noqa: B018  (an instrument without tiers fails here, not in a batch)
        except (TypeError, ValueError, ArithmeticError, IndexError):
            found.pop(row.symbol, None)
            logger.exception("The instrument %s can't be used; correct it in the admin", row.symbol)
    return found


class Glance:
    """The market for those who only look: asked of the database once a second at most, whoever looks.

    Commands take `market_now`, which never trades on an instrument as it was a second ago.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._read: tuple[datetime, Mapping[str, InstrumentValue]] | None = None

    def market(self, now: datetime) -> Market:
        """Return the market at `now` (UTC)."""
        read = self._read  # once: another thread may forget it meanwhile
        if read is None or not read[0] <= now < read[0] + FRESH:
            market = market_now(self._board, now)
            self._read = (now, market.instruments)
            return market
        return _seen(self._board, read[1], now)

    def forget(self) -> None:
        """Ask again next time."""
        self._read = None


def market_now(board: Board, now: datetime | None = None) -> Market:
    """Return the instruments and the freshest prices: the board's, after a look at the stored ones if it is behind."""
    now = now or timezone.now()
    instruments = _listed()
    quotes = board.quotes
    if any(symbol not in quotes or now - quotes[symbol].at > FRESH for symbol in instruments):
        _look(board, quotes)
    return _seen(board, instruments, now)


def standing(board: Board) -> list[Quote]:
    """Return the prices that stand until they are replaced, whoever put them, by symbol."""
    _look(board, board.quotes)
    return [quote for _, quote in sorted(board.quotes.items()) if not quote.expires]


def _look(board: Board, quotes: Mapping[str, Quote]) -> None:
    """Take the stored prices where one is newer than what is known, `quotes`."""
    if any(symbol not in quotes or quotes[symbol].at < at for symbol, at in _priced()):
        board.put(stored())


def _listed() -> Mapping[str, InstrumentValue]:
    """Return the listed instruments by symbol. Their rows are read each time, and understood anew when they change."""
    global _last_listed
    rows, (known, instruments) = _instruments(), _last_listed
    if rows != known:
        instruments = usable(made(Instrument, dict(zip(INSTRUMENT, row, strict=True))) for row in rows)
        _last_listed = rows, instruments
    return instruments


def _seen(board: Board, instruments: Mapping[str, InstrumentValue], now: datetime) -> Market:
    stale_after = timedelta(seconds=settings.HYPERORU_STALE_AFTER_S)
    return board.market(instruments, stale_after, now, timedelta(seconds=settings.HYPERORU_ASSUMED_REFILL_S))


glance = Glance(board)


@receiver([post_save, post_delete], sender=Instrument)
def look_again(**kwargs: object) -> None:
    """Let those who look see a changed instrument at once, in this process."""
    transaction.on_commit(glance.forget)
