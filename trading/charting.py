"""Candles by the leading engine: of the marks that it plays, in the exchange's own time, whatever the market's is.

A mark goes into the shortest candle of its symbol alone. The others are made of those once a second, when all that
changed is written together with the prices. Whoever leads next goes on with the candles that are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.candles import INTERVALS, SHORTEST, Ohlc, drawn, opening
from trading.market.board import SET_BACK
from trading.market.feeds import Feed
from trading.market.feeds.candles import MINUTE, walk
from trading.models import Candle
from trading.rows import Row, upsert

Key = tuple[str, str, datetime]
"""A candle: its symbol, its interval and when it opened."""
KEPT = {"5s": timedelta(hours=2), "1m": timedelta(days=7), "5m": timedelta(days=90), "15m": timedelta(days=90)}
"""How long candles are kept; those of other intervals for ever."""
SLOWEST = 0.001
"""At which a market's past is drawn: that of a slower one would reach back for years."""
MOST_DRAWN = 1_000
"""How many candles of an interval a new symbol's past is drawn with, at the most."""


@dataclass(slots=True)
class Forming:
    """The shortest candle of a symbol that takes its marks now."""

    opened_at: datetime
    ends: datetime
    marks: Ohlc


class Charting:
    """The candles that marks go into. Made anew after each take-over; not safe for threads."""

    def __init__(self) -> None:
        self._forming: dict[str, Forming] = {}
        self._taken: list[tuple[str, Forming]] = []
        """The shortest candles since the last rows, in their order."""
        self._candles: dict[Key, Ohlc] = {}
        self._changed: set[Key] = set()
        self._newest: dict[str, datetime] = {}
        """When each symbol's newest candle opened that took a mark."""
        self._recalled: set[str] = set()
        """The symbols whose stored candles are known."""

    @classmethod
    def of(cls, feed: Feed, now: datetime, speed: float) -> "Charting":
        """Begin at `now` (UTC); draw the past of the symbols that have no candles yet from the feed's history.

        Its bars are of the market's time, which runs `speed` times as fast as the clock.
        """
        charting = cls()
        for symbol in feed.symbols:
            if not Candle.objects.filter(instrument=symbol).exists():
                charting._draw(symbol, _past(feed, symbol, now, speed), now)
        return charting

    def take(self, symbol: str, mark: Decimal, at: datetime) -> None:
        """Take a symbol's next mark, USDC, of a moment (UTC). One that is a little late counts as of now."""
        forming = self._forming.get(symbol)
        if forming is not None and forming.opened_at - SET_BACK <= at < forming.ends:
            forming.marks.take(mark)
            return
        opened = opening(at, SHORTEST)
        newest = self._newest.get(symbol)
        if newest is not None and opened <= newest:
            self._recalled.discard(symbol)  # the clock was set back: there are candles of that time
        else:
            self._newest[symbol] = opened
        forming = self._forming[symbol] = Forming(opened, opened + INTERVALS[SHORTEST], Ohlc.of(mark))
        self._taken.append((symbol, forming))

    def rows(self) -> list[Row]:
        """Return the candles that changed since the last call, for `store`. Reads the stored ones where need be."""
        self._recall()
        for symbol, forming in self._taken:
            for interval in INTERVALS:
                key = (symbol, interval, opening(forming.opened_at, interval))
                candle = self._candles.get(key)
                if candle is None:
                    self._candles[key] = forming.marks.copy()
                    self._changed.add(key)
                elif candle.absorb(forming.marks):
                    self._changed.add(key)
        rows = [_row(key, self._candles[key]) for key in sorted(self._changed)]
        self._forget()
        return rows

    def _recall(self) -> None:
        """Read the stored candles into which new marks go."""
        unknown = {symbol for symbol, _ in self._taken} - self._recalled
        if not unknown:
            return
        times = {opening(each.opened_at, interval) for _, each in self._taken for interval in INTERVALS}
        found = Candle.objects.filter(instrument__in=unknown, interval__in=list(INTERVALS), opened_at__in=times)
        for row in found:
            self._candles[row.instrument_id, row.interval, row.opened_at] = Ohlc(row.open, row.high, row.low, row.close)
        self._recalled |= unknown

    def _forget(self) -> None:
        """Forget all but what new marks may go into."""
        self._changed.clear()
        self._taken = list(self._forming.items())
        kept = {
            (symbol, interval, opening(forming.opened_at, interval))
            for symbol, forming in self._forming.items()
            for interval in INTERVALS
        }
        self._candles = {key: candle for key, candle in self._candles.items() if key in kept}

    def _draw(self, symbol: str, marks: Sequence[tuple[datetime, Decimal]], now: datetime) -> None:
        for interval, step in INTERVALS.items():
            since = now - min(KEPT.get(interval, timedelta.max), step * MOST_DRAWN)
            for opened, candle in drawn([each for each in marks if each[0] >= since], interval).items():
                key = (symbol, interval, opened)
                self._candles[key] = candle
                self._changed.add(key)
        self._recalled.add(symbol)


def store(rows: Sequence[Row]) -> None:
    """Write candles, one statement for all."""
    upsert(Candle, rows, ("instrument_id", "interval", "opened_at"))


def _row(key: Key, candle: Ohlc) -> Row:
    symbol, interval, opened_at = key
    return {
        "instrument_id": symbol,
        "interval": interval,
        "opened_at": opened_at,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": None,
    }


def _past(feed: Feed, symbol: str, now: datetime, speed: float) -> list[tuple[datetime, Decimal]]:
    """Return the marks of a feed's history as if it had been played until now: the last bar ends now."""
    bars = feed.history(symbol)
    lasted = MINUTE / max(speed, SLOWEST)
    return [
        (now - lasted * (len(bars) - number) + lasted * quarter / 4, mark)
        for number, bar in enumerate(bars)
        for quarter, mark in enumerate(walk(bar), 1)
    ]
