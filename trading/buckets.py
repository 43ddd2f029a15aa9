"""Token buckets: so many at once, and so many a second after that. Pure: the time is given.

Times are whole nanoseconds of one clock, so that the wait that is told is exact: whoever asks again at that very moment
is served.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
SWEEP_FROM = 1_024


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket's size. `interval`: ns in which one token comes back; `span`: ns in which an empty bucket fills."""

    interval: int
    span: int

    @property
    def is_off(self) -> bool:
        return self.span == 0


@lru_cache(maxsize=64)
def limit_of(per_s: float, burst: int) -> Limit:
    """Return the limit of `burst` at once and `per_s` a second; where either is 0 there is none."""
    if per_s <= 0 or burst <= 0:
        return Limit(0, 0)
    interval = math.ceil(SECOND / per_s)
    return Limit(interval, interval * burst)


def milliseconds(wait: int) -> int:
    """Return a wait in whole milliseconds, rounded up: never a moment too early."""
    return -(-wait // MILLISECOND)


class Bucket:
    """Tokens that come back with time. One number is all its state: the moment at which it is full again."""

    __slots__ = ("_full_at", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._full_at = 0

    def take(self, now: int) -> int:
        """Take a token and return 0, or return in how many nanoseconds there will be one."""
        limit = self.limit
        span = limit.span
        full_at = self._full_at
        if full_at < now:
            full_at = now
        elif full_at > now + span:  # the limit was lowered, or the clock set back: the bucket is empty, no worse
            full_at = self._full_at = now + span
        full_at += limit.interval
        wait = full_at - now - span
        if wait > 0:
            return wait
        self._full_at = full_at
        return 0

    def give_back(self) -> None:
        """Undo a `take`: what it was for was not done."""
        self._full_at -= self.limit.interval

    def is_full(self, now: int) -> bool:
        return self._full_at <= now


class Buckets:
    """A bucket for each key. Those that are full again are forgotten, as they differ in nothing from new ones."""

    __slots__ = ("_buckets", "_sweep_at")

    def __init__(self) -> None:
        self._buckets: dict[Hashable, Bucket] = {}
        self._sweep_at = SWEEP_FROM

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, limit: Limit, now: int) -> int:
        """Take a token of a key's bucket and return 0, or return in how many nanoseconds there will be one."""
        bucket = self._buckets.get(key)
        if bucket is None:
            self._sweep(now)
            bucket = self._buckets[key] = Bucket(limit)
        bucket.limit = limit
        return bucket.take(now)

    def give_back(self, key: Hashable) -> None:
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.give_back()

    def clear(self) -> None:
        self._buckets.clear()
        self._sweep_at = SWEEP_FROM

    def _sweep(self, now: int) -> None:
        """Forget full buckets, each time that their number has doubled: a constant cost for each key."""
        if len(self._buckets) >= self._sweep_at:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}
            self._sweep_at = max(SWEEP_FROM, 2 * len(self._buckets))
