"""Quotes of a market that tells its oracle and its book, and no mark of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.book import Book, Level
from trading.domain.instruments import Instrument, round_to_tick
from trading.domain.market import Quote
from trading.domain.marks import Ema, Inputs, Marker


class Marking:
    """Makes the marks of a feed's symbols, as the venue makes its own; see `trading.domain.marks`.

    A feed calls `quote` with all that it hears, keeps `cursor()` with its own, and goes on from it after a restart.
    """

    def __init__(self, cursor: Mapping[str, Any] | None = None) -> None:
        self._markers = {symbol: _read(row) for symbol, row in (cursor or {}).items()}

    def quote(
        self,
        instrument: Instrument,
        at: datetime,
        *,
        oracle: Decimal,
        book: Book,
        last: Decimal | None = None,
        perp: Decimal | None = None,
        trades: Sequence[Level] = (),
    ) -> Quote:
        """Return the quote of a moment (UTC). Prices in USDC; `perp` is the median of other venues' perpetuals."""
        bid = book.bids[0].price if book.bids else None
        ask = book.asks[0].price if book.asks else None
        marker = self._markers.get(instrument.symbol, Marker()).after(Inputs(oracle, bid, ask, last, perp), at)
        self._markers[instrument.symbol] = marker
        mark = round_to_tick(oracle if marker.mark is None else marker.mark, instrument.size_decimals)
        return Quote(instrument.symbol, mark, at, oracle, book, trades=tuple(trades))

    def cursor(self) -> dict[str, Any]:
        """Return where to go on, as JSON."""
        return {symbol: _row(marker) for symbol, marker in self._markers.items()}


def _row(marker: Marker) -> dict[str, Any]:
    return {
        "basis": {name: str(value) for name, value in asdict(marker.basis).items()},
        "book": {name: str(value) for name, value in asdict(marker.book).items()},
        "mark": None if marker.mark is None else str(marker.mark),
        "sampled_at": marker.sampled_at and marker.sampled_at.isoformat(),
        "marked_at": marker.marked_at and marker.marked_at.isoformat(),
    }


def _read(row: Mapping[str, Any]) -> Marker:
    def ema(sums: Mapping[str, str]) -> Ema:
        return Ema(Decimal(sums["numerator"]), Decimal(sums["denominator"]))

    def time(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text)

    mark = None if row["mark"] is None else Decimal(row["mark"])
    return Marker(ema(row["basis"]), ema(row["book"]), mark, time(row["sampled_at"]), time(row["marked_at"]))
