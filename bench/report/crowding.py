"""How busy the machine was with other things: figures from a shared machine need it beside them."""

import os
import resource
import time

import psutil


class Crowding:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._busy = _busy()
        self._ours = _ours()

    def others(self) -> float:
        """Return the share (0 to 1) of all cores that went to processes that are none of the run's.

        Servers count once they have ended.
        """
        wall = time.monotonic() - self._start
        used = (_busy() - self._busy) - (_ours() - self._ours)
        return max(0.0, used / (wall * (os.cpu_count() or 1)))


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def _ours() -> float:
    mine, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + ended.ru_utime + ended.ru_stime
