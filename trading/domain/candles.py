"""Candles of marks, in the exchange's own time: their intervals, where they open, and how marks make them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

INTERVALS: Mapping[str, timedelta] = {
    "5s": timedelta(seconds=5),
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
}
"""Each is a whole number of those before it."""
SHORTEST = "5s"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Ohlc:
    """The first, highest, lowest and last mark of a while, USDC."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal

    @classmethod
    def of(cls, mark: Decimal) -> "Ohlc":
        return cls(mark, mark, mark, mark)

    def take(self, mark: Decimal) -> None:
        """Take the next mark."""
        if mark > self.high:
            self.high = mark
        elif mark < self.low:
            self.low = mark
        self.close = mark

    def absorb(self, later: "Ohlc") -> bool:
        """Take all marks of a part of it that is the last one so far; tell whether that changed anything."""
        high, low = max(self.high, later.high), min(self.low, later.low)
        if (high, low, later.close) == (self.high, self.low, self.close):
            return False
        self.high, self.low, self.close = high, low, later.close
        return True

    def copy(self) -> "Ohlc":
        return Ohlc(self.open, self.high, self.low, self.close)


def opening(at: datetime, interval: str) -> datetime:
    """Return when the candle of a moment (UTC) opened. Days are UTC days; all intervals divide one."""
    return at - (at - EPOCH) % INTERVALS[interval]


def drawn(marks: Iterable[tuple[datetime, Decimal]], interval: str) -> dict[datetime, Ohlc]:
    """Return the candles of marks with their moments (UTC), oldest first, by when they opened.

    Where none fell into an interval, the last one stood all the while.
    """
    candles: dict[datetime, Ohlc] = {}
    step, last = INTERVALS[interval], None
    for at, mark in marks:
        opened = opening(at, interval)
        while last is not None and last + step < opened:
            stood = candles[last].close
            last += step
            candles[last] = Ohlc.of(stood)
        if opened in candles:
            candles[opened].take(mark)
        else:
            candles[opened] = Ohlc.of(mark)
        last = opened
    return candles
