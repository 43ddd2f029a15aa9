"""A market in which people set the prices."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trading.domain.market import Bar, Quote


class ManualFeed:
    """Says nothing of its own: the stored quotes, as they were put, are the market, and no bars form.

    It keeps the bar number of the feed that ran before it, so that a later one goes on from there.
    """

    kind = "manual"

    def __init__(self, symbols: tuple[str, ...], cursor: Mapping[str, Any] | None = None) -> None:
        self.symbols = symbols
        self._next_bar = 0 if cursor is None else int(cursor["next_bar"])

    def history(self, symbol: str) -> list[Bar]:
        """Return no bars."""
        return []

    def advance(self, now: datetime) -> list[Quote | Bar]:
        """Return nothing."""
        return []

    def cursor(self) -> dict[str, Any]:
        """Return where to go on; see `Feed.cursor`."""
        return {"kind": self.kind, "next_bar": self._next_bar}
