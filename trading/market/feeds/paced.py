"""Turn a market that is a sequence of bars into quotes at the pace of the wall clock."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.domain.market import Bar, Quote

Path = tuple[Decimal, Decimal, Decimal, Decimal]
"""The marks of one bar in the order they are quoted: open, one extreme, the other extreme, close."""

WARMUP_BARS = 200
LONGEST_STEP = timedelta(seconds=2)
"""At most this much wall time counts between two advances."""
REPEAT_AFTER = timedelta(seconds=1)
"""A market that does not move still says so this often, or its prices would go stale at low speeds."""

MICROSECOND = timedelta(microseconds=1)
POINTS = 4
TICK_US = 15_000_000
BAR_US = POINTS * TICK_US
"""Market time in microseconds: a bar is a minute and is quoted at 15, 30, 45 and 60 seconds of it."""


class PacedFeed(ABC):
    """Plays bars, all symbols in lockstep, `speed` seconds of the market to one second of the wall clock.

    Subclasses tell the bar of every number, the same one each time; all that this class remembers is how much market
    time has passed. `warmup` bars (at least one) are history before the first advance of a fresh feed.
    """

    kind: str

    def __init__(
        self,
        symbols: tuple[str, ...],
        *,
        data: str,
        speed: float,
        now: datetime,
        cursor: Mapping[str, Any] | None = None,
        warmup: int = WARMUP_BARS,
    ) -> None:
        """Start at `now`, fresh or where `cursor` says.

        `data` identifies the market that is played. A cursor of another market (or of another kind of feed) only hands
        over its bar number: the new market starts after its own warm-up, and numbers go on without a hole.
        Raise `ValueError` for a speed or warm-up that can't be played.
        """
        if not 0 < speed < 1e9:
            raise ValueError(f"A feed's speed must be more than 0 and less than 1e9, not {speed}.")
        if warmup < 1:
            raise ValueError(f"A feed needs at least one bar of warm-up, not {warmup}.")
        if not symbols:
            raise ValueError("A feed needs at least one symbol.")
        self.symbols = symbols
        self._data = data
        self._speed = speed
        self._warmup = warmup
        self._last_advance = now
        self._last_quote: datetime | None = None
        if cursor is not None and self.continues(cursor):
            self._first_number = int(cursor["first_number"])
            self._market_us = int(cursor["market_us"])
        else:
            next_bar = 0 if cursor is None else int(cursor["next_bar"])
            self._first_number = max(0, next_bar - warmup)
            self._market_us = warmup * BAR_US

    def continues(self, cursor: Mapping[str, Any]) -> bool:
        """Tell whether a cursor is of this very market."""
        return cursor.get("kind") == self.kind and cursor.get("data") == self._data

    @property
    def next_bar(self) -> int:
        """The number of the bar now forming."""
        return self._first_number + self._market_us // BAR_US

    @abstractmethod
    def bar(self, symbol: str, number: int) -> Bar:
        """Return the closed bar of this number."""

    @abstractmethod
    def path(self, symbol: str, number: int) -> Path:
        """Return the marks that are quoted while this bar forms."""

    def history(self, symbol: str) -> list[Bar]:
        """Return the last `warmup` closed bars, oldest first."""
        end = self.next_bar
        return [self.bar(symbol, number) for number in range(max(self._first_number, end - self._warmup), end)]

    def advance(self, now: datetime) -> list[Quote | Bar]:
        """Return the quotes and bars since the last call; see `Feed.advance`.

        A quote's `at` is the wall time at which the market reached it. Where nothing moved for a second (and at the
        first call) the standing prices are quoted again.
        """
        elapsed = min(max(now - self._last_advance, timedelta(0)), LONGEST_STEP)
        self._last_advance = now
        start = self._market_us // TICK_US
        self._market_us += round(elapsed / MICROSECOND * self._speed)
        end = self._market_us // TICK_US
        events: list[Quote | Bar] = []
        for tick in range(start, end):
            lag_us = int((self._market_us - (tick + 1) * TICK_US) / self._speed)
            self._emit(tick, now - lag_us * MICROSECOND, events)
        if start == end and (self._last_quote is None or now - self._last_quote >= REPEAT_AFTER):
            events.extend(self._quotes(end - 1, now))
        return events

    def cursor(self) -> dict[str, Any]:
        """Return where to go on; see `Feed.cursor`."""
        return {
            "kind": self.kind,
            "data": self._data,
            "first_number": self._first_number,
            "market_us": self._market_us,
            "next_bar": self.next_bar,
        }

    def _emit(self, tick: int, at: datetime, events: list[Quote | Bar]) -> None:
        events.extend(self._quotes(tick, at))
        if tick % POINTS == POINTS - 1:
            number = self._first_number + tick // POINTS
            events.extend(self.bar(symbol, number) for symbol in self.symbols)

    def _quotes(self, tick: int, at: datetime) -> list[Quote]:
        self._last_quote = at
        number, point = self._first_number + tick // POINTS, tick % POINTS
        return [Quote(symbol, self.path(symbol, number)[point], at) for symbol in self.symbols]
