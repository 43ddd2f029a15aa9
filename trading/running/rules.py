"""What the runner asks of the models that are rules, and of the bars that all look at."""

from collections.abc import Sequence
from typing import Protocol

from trading.desk import Fence, Request
from trading.domain.market import Bar, Market


class Rules(Protocol):
    def bars(self, symbol: str, count: int) -> Sequence[Bar]:
        """Return the last closed bars of a symbol, oldest first. From any thread."""

    def by_hand(self, account_id: int, run_id: int, market: Market, fence: Fence) -> list[Request]:
        """Return what an account's model decides about the last closed bars."""
