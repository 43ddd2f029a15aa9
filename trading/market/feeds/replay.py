"""Play recorded candles, forwards and backwards, for ever."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from trading.domain.market import Bar
from trading.market.feeds.candles import MINUTE, walk
from trading.market.feeds.paced import WARMUP_BARS, PacedFeed, Path


class ReplayFeed(PacedFeed):
    """Plays the same stretch of real candles over and over, turning at both ends.

    On the way back bars come in reverse order, open and close swapped, and each is walked the other way round. So every
    move between two consecutive quotes is one that the recorded candles contain, up or down; no jump is ever made up.

    `Bar.number` counts up for ever. `Bar.open_time` is the market's time: the recording's start plus one minute for
    each number. It leaves the recorded dates after the first pass, and never goes back.
    """

    kind = "replay"

    def __init__(
        self,
        series: Mapping[str, Sequence[Bar]],
        *,
        speed: float,
        now: datetime,
        cursor: Mapping[str, Any] | None = None,
        warmup: int = WARMUP_BARS,
    ) -> None:
        """Play `series`: for each symbol the same minutes, oldest first, prices on the tick.

        Raise `ValueError` where the series differ in their minutes or leave nothing to play after the warm-up.
        """
        minutes = {tuple(bar.open_time for bar in bars) for bars in series.values()}
        if len(minutes) != 1:
            raise ValueError("All symbols of a replay must have the same minutes.")
        self._series = {symbol: tuple(bars) for symbol, bars in series.items()}
        self._length = len(minutes.pop())
        if self._length <= warmup:
            raise ValueError(f"A replay of {self._length} bars leaves nothing after {warmup} bars of warm-up.")
        self._start = next(iter(self._series.values()))[0].open_time
        super().__init__(
            tuple(self._series), data=_digest(self._series), speed=speed, now=now, cursor=cursor, warmup=warmup
        )

    def bar(self, symbol: str, number: int) -> Bar:
        """Return the bar of this number, whichever pass it is of."""
        recorded, backwards = self._recorded(symbol, number)
        first, last = (recorded.close, recorded.open) if backwards else (recorded.open, recorded.close)
        return replace(recorded, number=number, open_time=self._start + number * MINUTE, open=first, close=last)

    def path(self, symbol: str, number: int) -> Path:
        """Return open, nearer extreme, further extreme, close; the same reversed on the way back."""
        bar, backwards = self._recorded(symbol, number)
        first, near, far, last = walk(bar)
        return (last, far, near, first) if backwards else (first, near, far, last)

    def _recorded(self, symbol: str, number: int) -> tuple[Bar, bool]:
        phase = (number - self._first_number) % (2 * self._length)
        backwards = phase >= self._length
        return self._series[symbol][2 * self._length - 1 - phase if backwards else phase], backwards


def _digest(series: Mapping[str, Sequence[Bar]]) -> str:
    """Name the data, so that a cursor of other data is not taken for one of these."""
    digest = hashlib.sha256()
    for symbol in sorted(series):
        for bar in series[symbol]:
            row = (symbol, bar.open_time.isoformat(), bar.open, bar.high, bar.low, bar.close)
            digest.update(" ".join(map(str, row)).encode())
    return digest.hexdigest()[:16]
