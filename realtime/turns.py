"""Going through a crowd that changes, a slice at a time."""

import math
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Gives each of a crowd its turn once in `round_s` seconds; a small crowd is taken whole at each call.

    `cost` tells how much work each is; calls do `least` of it, or as much more as the round needs. One whose cost is
    above that has its turn at once, and the calls after it do less.
    """

    def __init__(self, round_s: float, least: int, cost: Callable[[T], int] = lambda _: 1) -> None:
        self._round_s = round_s
        self._least = least
        self._cost = cost
        self._waiting: OrderedDict[T, None] = OrderedDict()
        self._left = 0

    def take(self, crowd: Collection[T], every_s: float) -> list[T]:
        """Return those whose turn it is, where that is asked every so many seconds."""
        total = 0
        for each in crowd:
            self._waiting.setdefault(each)
            total += self._cost(each)
        self._left = min(self._left, 0) + max(self._least, math.ceil(total * min(1.0, every_s / self._round_s)))
        taken: list[T] = []
        while self._left > 0 and len(taken) < len(crowd):
            each, _ = self._waiting.popitem(last=False)
            if each in crowd:
                self._waiting[each] = None
                self._left -= self._cost(each)
                taken.append(each)
        return taken
