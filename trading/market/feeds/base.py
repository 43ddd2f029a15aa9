"""What a market feed is: quotes and closed bars, in order, when asked for."""

from datetime import datetime
from typing import Any, Protocol

from trading.domain.market import Bar, Quote


class Feed(Protocol):
    """A source of prices without a clock, threads or storage of its own.

    A feed is built with the time of its start and, after a restart, with the cursor that it gave before. The owner
    calls `advance` again and again, stores what it returns together with `cursor()`, and so loses or repeats nothing:
    a feed built from a cursor goes on with the very next price. One whose last returns were not stored gives the same
    ones again.
    """

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that this feed prices."""

    def history(self, symbol: str) -> list[Bar]:
        """Return the closed bars up to now, oldest first, as many as the feed keeps for the warm-up of models."""

    def advance(self, now: datetime) -> list[Quote | Bar]:
        """Return everything that happened since the last call, in order.

        `now` is UTC and aware. No quote's `at` is later than `now`. A bar comes right after the quote that closed it.
        Time in which nobody called counts only up to a bound, so a pause is never followed by a flood.
        """

    def cursor(self) -> dict[str, Any]:
        """Return where to go on, as JSON. `kind` names the feed, `next_bar` the number of the bar now forming."""
