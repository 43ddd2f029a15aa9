"""Pruning candles by the leading engine: now and then a pass, a little of it in each of the engine's steps."""

from collections import deque
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from weakref import WeakKeyDictionary

from django.dispatch import receiver

from trading.charting import KEPT
from trading.models import Candle, Instrument
from trading.signals import housekeeping

EVERY = timedelta(minutes=10)
BATCH = 200
"""How many candles a step deletes at the most."""


class Pruner:
    """Begins a pass every ten minutes and takes it a little further each time that it is asked to."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._due: deque[tuple[str, str]] = deque()
        """Symbols and intervals that the pass still has to look at."""

    def step(self, now: datetime) -> None:
        """Go on with the pass under way, or begin one where it is time. `now` is UTC."""
        if not self._due:
            if self._began is not None and self._began <= now < self._began + EVERY:
                return
            self._began = now
            if Candle.objects.exists():  # a recording that is played makes none
                self._due.extend(product(Instrument.objects.values_list("symbol", flat=True), KEPT))
            return
        symbol, interval = self._due.popleft()
        if prune(symbol, interval, now) == BATCH:
            self._due.appendleft((symbol, interval))


def prune(symbol: str, interval: str, now: datetime) -> int:
    """Delete some candles that are older at `now` (UTC) than they are kept, the oldest first; return how many."""
    old = Candle.objects.filter(instrument=symbol, interval=interval, opened_at__lt=now - KEPT[interval])
    keys = list(old.order_by("opened_at").values_list("pk", flat=True)[:BATCH])
    return Candle.objects.filter(pk__in=keys).delete()[0] if keys else 0


_pruners: "WeakKeyDictionary[object, Pruner]" = WeakKeyDictionary()


@receiver(housekeeping)
def prune_candles(sender: object, *, now: datetime, **kwargs: Any) -> None:
    """Let the pruner of an engine go on."""
    _pruners.setdefault(sender, Pruner()).step(now)
