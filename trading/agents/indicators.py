"""Indicators over a window of closed bars. Floats in, floats out: nothing here is money.

A value is None where the window is too short for it, or says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import talib

from trading.domain.market import Bar

Floats = npt.NDArray[np.float64]

PIVOT_REACH = 3
"""A pivot stands out from this many bars on each side."""
STRONG_TOUCHES = 3
CLUSTER_ATR = 0.25
"""Pivots within this part of the ATR are one level."""


@dataclass(frozen=True, slots=True)
class Level:
    """A price, quote currency, at which the market turned `touches` times."""

    price: float
    touches: int


@dataclass(frozen=True, slots=True)
class Cross:
    """Two averages, and which way the fast one crossed the slow one lately: 1 upwards, -1 downwards, 0 not at all."""

    fast: float
    slow: float
    crossed: int


def is_strong(touches: int) -> bool:
    """Tell whether a level that the market turned at so often is a strong one."""
    return touches >= STRONG_TOUCHES


class Columns:
    """The prices of a window of bars as arrays, oldest first. Immutable."""

    __slots__ = ("_rows", "closes", "highs", "last", "lows")

    def __init__(self, rows: Floats, last: Bar) -> None:
        self._rows = rows
        self.last = last
        self.highs, self.lows, self.closes = rows

    @classmethod
    def of(cls, bars: Sequence[Bar], before: "Columns | None" = None) -> "Columns":
        """Read the bars; of `before`, a window as long and one bar older, only the new bar is read."""
        if isinstance(bars, Window):
            return bars.columns()
        last = bars[-1]
        if before is not None and 1 < len(bars) == len(before.closes) and bars[-2] is before.last:
            rows = np.empty_like(before._rows)
            rows[:, :-1] = before._rows[:, 1:]
            rows[:, -1] = _prices(last)
        else:
            rows = np.array([_prices(bar) for bar in bars]).T.copy()
        return cls(rows, last)


class Window(Sequence[Bar]):
    """Some bars of a long series whose prices are read once: what `Columns` would read of them is a view of that."""

    __slots__ = ("_bars", "_rows", "_start", "_stop")

    def __init__(self, bars: Sequence[Bar], rows: Floats, start: int, stop: int) -> None:
        """See bars from `start` up to `stop`; `rows` are those of all bars, by `rows_of`."""
        self._bars, self._rows, self._start, self._stop = bars, rows, start, stop

    @staticmethod
    def rows_of(bars: Sequence[Bar]) -> Floats:
        """Return the prices of a series as arrays."""
        return np.array([_prices(bar) for bar in bars]).T.copy()

    def columns(self) -> Columns:
        return Columns(self._rows[:, self._start : self._stop], self._bars[self._stop - 1])

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, place: int) -> Bar: ...
    @overload
    def __getitem__(self, place: slice) -> "Window": ...
    def __getitem__(self, place: int | slice) -> "Bar | Window":
        """Return a bar, or the bars of a slice without steps."""
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self))
            return Window(self._bars, self._rows, self._start + start, self._start + stop)
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self._bars[self._start + place]


def _prices(bar: Bar) -> tuple[float, float, float]:
    return float(bar.high), float(bar.low), float(bar.close)


def rsi(closes: Floats, period: int) -> float | None:
    """Return Wilder's RSI after the last close, 0 to 100. A series without any move has none."""
    if len(closes) <= period:
        return None
    value = _last(talib.RSI(closes, timeperiod=period))
    # TA-Lib says 0 where nothing has moved, as it does where everything fell.
    return None if value == 0 and bool(np.all(closes == closes[0])) else value


def atr(highs: Floats, lows: Floats, closes: Floats, period: int) -> float | None:
    """Return Wilder's average true range after the last bar, in the unit of the prices."""
    if len(closes) <= period:
        return None
    return _last(talib.ATR(highs, lows, closes, timeperiod=period))


def ema(closes: Floats, period: int) -> float | None:
    """Return the exponential average after the last close: ``k = 2 / (period + 1)``, seeded by the first mean."""
    return _last(talib.EMA(closes, timeperiod=period)) if len(closes) >= period else None


def ema_cross(closes: Floats, fast: int, slow: int, within: int = 1) -> Cross | None:
    """Return both averages after the last close, and where they crossed in the last `within` bars.

    Of several crosses the last counts. A cross is where the difference changes its sign.
    """
    if len(closes) < slow + within:
        return None
    left = talib.EMA(closes, timeperiod=fast)[-within - 1 :].tolist()
    right = talib.EMA(closes, timeperiod=slow)[-within - 1 :].tolist()
    above = [a > b for a, b in zip(left, right, strict=True)]
    last = above[-1]
    return Cross(left[-1], right[-1], 0 if all(each is last for each in above) else 1 if last else -1)


def macd_histogram(closes: Floats, fast: int, slow: int, signal: int) -> float | None:
    """Return the MACD less its signal line after the last close, in the unit of the prices, seeded as TA-Lib does."""
    if len(closes) < slow + signal - 1:
        return None
    return _last(talib.MACD(closes, fastperiod=fast, slowperiod=slow, signalperiod=signal)[2])


def donchian_high(highs: Floats, period: int) -> float | None:
    """Return the highest high of the `period` bars before the last one: what its close may break."""
    return max(highs[-period - 1 : -1].tolist()) if len(highs) > period else None


def donchian_low(lows: Floats, period: int) -> float | None:
    """Return the lowest low of the `period` bars before the last one."""
    return min(lows[-period - 1 : -1].tolist()) if len(lows) > period else None


def pivot_highs(highs: Floats, reach: int = PIVOT_REACH) -> list[int]:
    """Return where a high exceeds those of the bars before it and is not exceeded by those after it.

    Of equal highs the first is the pivot. The last `reach` bars can't be told yet.
    """
    if len(highs) < 2 * reach + 1:
        return []
    size = len(highs) - 2 * reach
    middle = highs[reach:-reach]
    before = reduce(np.maximum, (highs[start : start + size] for start in range(reach)))
    after = reduce(np.maximum, (highs[start : start + size] for start in range(reach + 1, 2 * reach + 1)))
    found: list[int] = (np.flatnonzero((middle > before) & (middle >= after)) + reach).tolist()
    return found


def pivot_lows(lows: Floats, reach: int = PIVOT_REACH) -> list[int]:
    """Return where a low undercuts those of the bars before it and is not undercut by those after it."""
    return pivot_highs(-lows, reach)


def levels(highs: Floats, lows: Floats, atr: float) -> list[Level]:
    """Cluster the pivots into levels, lowest price first.

    A high and a low at one price are the same level: what held the market from above holds it from below. A level's
    price is the mean of its pivots, which span at most a quarter of the ATR.
    """
    pivots = sorted([*highs[pivot_highs(highs)].tolist(), *lows[pivot_lows(lows)].tolist()])
    clusters: list[list[float]] = []
    for price in pivots:
        if not clusters or price - clusters[-1][0] > CLUSTER_ATR * atr:
            clusters.append([])
        clusters[-1].append(price)
    return [Level(sum(cluster) / len(cluster), len(cluster)) for cluster in clusters]


def support(found: Sequence[Level], close: float, atr: float) -> Level | None:
    """Return the highest level at or below the close; a close within a cluster's width below it still tests it."""
    return max((x for x in found if x.price <= close + CLUSTER_ATR * atr), key=lambda x: x.price, default=None)


def resistance(found: Sequence[Level], close: float, atr: float) -> Level | None:
    """Return the lowest level at or above the close; a close within a cluster's width above it still tests it."""
    return min((x for x in found if x.price >= close - CLUSTER_ATR * atr), key=lambda x: x.price, default=None)


def _last(series: Any) -> float | None:
    value = float(series[-1])
    return None if np.isnan(value) else value
