"""Play recorded candles once, at the times at which they happened."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from trading.domain.market import Bar, Quote
from trading.market.feeds.candles import MINUTE, walk
from trading.market.feeds.paced import POINTS, WARMUP_BARS

BETWEEN = MINUTE / POINTS


class RecordedFeed:
    """Quotes each bar's open, nearer extreme, further extreme and close, 15 s apart, the last as the bar closes.

    Time is the recording's own: whoever asks turns the clock. The first `warmup` bars are history. Numbers of bars go
    on after those of a cursor, of whatever feed it is; what is played is always the whole recording.
    """

    def __init__(
        self, series: Mapping[str, Sequence[Bar]], *, cursor: Mapping[str, Any] | None = None, warmup: int = WARMUP_BARS
    ) -> None:
        """Play `series`: for each symbol the same minutes, one bar each, oldest first. Raise `ValueError` otherwise."""
        minutes = {tuple(bar.open_time for bar in bars) for bars in series.values()}
        if len(minutes) != 1:
            raise ValueError("All symbols of a recording must have the same minutes.")
        self._opens = minutes.pop()
        if len(self._opens) <= warmup:
            raise ValueError(f"A recording of {len(self._opens)} bars leaves nothing after {warmup} bars of warm-up.")
        self.symbols = tuple(series)
        self._series = series
        self._warmup = warmup
        self._first_number = 0 if cursor is None else max(0, int(cursor["next_bar"]) - warmup)
        self._next = warmup * POINTS
        """The quote that comes next, counted from the first bar's."""

    @property
    def start(self) -> datetime:
        """The time (UTC) at which the first bar after the warm-up opened."""
        return self._opens[self._warmup]

    @property
    def bars(self) -> int:
        """How many bars each symbol has after the warm-up."""
        return len(self._opens) - self._warmup

    def moments(self) -> Iterator[datetime]:
        """Return the times (UTC) of the quotes that are still to come, one after the other."""
        for number in range(self._next, len(self._opens) * POINTS):
            yield self._at(number)

    def history(self, symbol: str) -> list[Bar]:
        """Return the bars that closed before the next one, oldest first, as many as the warm-up has."""
        end = self._next // POINTS
        return [self._bar(symbol, place) for place in range(end - self._warmup, end)]

    def advance(self, now: datetime) -> list[Quote | Bar]:
        """Return the quotes and bars until `now` (UTC); see `Feed.advance`. However long ago the last call was."""
        events: list[Quote | Bar] = []
        while self._next < len(self._opens) * POINTS and (at := self._at(self._next)) <= now:
            place, point = divmod(self._next, POINTS)
            events += [Quote(symbol, walk(bars[place])[point], at) for symbol, bars in self._series.items()]
            if point == POINTS - 1:
                events += [self._bar(symbol, place) for symbol in self.symbols]
            self._next += 1
        return events

    def cursor(self) -> dict[str, Any]:
        """Return how far it is; see `Feed.cursor`."""
        return {"kind": "recorded", "next_bar": self._first_number + self._next // POINTS}

    def _at(self, number: int) -> datetime:
        place, point = divmod(number, POINTS)
        return self._opens[place] + (point + 1) * BETWEEN

    def _bar(self, symbol: str, place: int) -> Bar:
        return replace(self._series[symbol][place], number=self._first_number + place)
