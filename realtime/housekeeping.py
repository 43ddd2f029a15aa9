"""Pruning the event log by the leading engine: now and then a sweep, a little of it in each of the engine's steps."""

import logging
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.dispatch import receiver

from realtime.retention import Sweep, limits_of_settings
from trading.signals import housekeeping

logger = logging.getLogger(__name__)
STEP_S = 0.02
"""How long a step of the engine goes on pruning; a batch that was begun is finished."""


class Pruner:
    """Begins a sweep every `HYPERORU_PRUNE_EVERY_S` and takes it a little further each time that it is asked to."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._sweep: Sweep | None = None

    def step(self, now: datetime) -> None:
        """Go on with the sweep under way, or begin one where it is time. `now` is UTC.

        A sweep that fails is given up; the next one comes at its time and finds what was left.
        """
        sweep, self._sweep = self._sweep, None
        if sweep is None:
            if not self._is_time(now):
                return
            self._began = now
            sweep = Sweep(limits_of_settings(), now)
        until = monotonic() + STEP_S
        while not sweep.finished:
            sweep.step()
            if monotonic() >= until:
                break
        if not sweep.finished:
            self._sweep = sweep
        elif sweep.pruned.events:
            logger.info("Pruned %d events of %d streams", sweep.pruned.events, sweep.pruned.streams)

    def _is_time(self, now: datetime) -> bool:
        every = timedelta(seconds=settings.HYPERORU_PRUNE_EVERY_S)
        return bool(every) and (self._began is None or not self._began <= now < self._began + every)


_pruners: "WeakKeyDictionary[object, Pruner]" = WeakKeyDictionary()


@receiver(housekeeping)
def prune(sender: object, *, now: datetime, **kwargs: Any) -> None:
    """Let the pruner of an engine go on."""
    _pruners.setdefault(sender, Pruner()).step(now)
