"""How many orders and cancels an account may give: buckets of its own for each, in this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.conf import settings

from trading.buckets import SECOND, Buckets, limit_of, milliseconds
from trading.domain.commands import CancelAfter, CancelAllOrders, CancelOrder, Command
from trading.domain.errors import RateLimited

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LATE = 60 * SECOND
"""How long a batch may wait for the database at most, and a good deal more."""


class AccountLimits:
    """The buckets of all accounts. Callers of any thread may charge them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders = Buckets()
        self._cancels = Buckets()
        self._latest = 0

    @contextmanager
    def charging(self, now: datetime) -> Iterator["Charges"]:
        """Charge requests within the block; should it fail before they are settled, they have cost nothing.

        So a request that is tried again pays once, and one that fails by no fault of its giver pays not at all.
        """
        charges = Charges(self, self._moment(now))
        try:
            yield charges
        except BaseException:
            charges.give_back()
            raise

    def clear(self) -> None:
        """Forget what was paid."""
        with self._lock:
            self._orders.clear()
            self._cancels.clear()
            self._latest = 0

    def _moment(self, now: datetime) -> int:
        """Return a time for the buckets. It goes forward, except where the clock itself was set back.

        Batches of several threads look at the clock and then wait for the database: the one that looked first may come
        last.
        """
        moment = (now - EPOCH) // MICROSECOND * 1_000
        with self._lock:
            if not moment < self._latest < moment + LATE:
                self._latest = moment
            return self._latest

    def _take(self, account_id: int, command: Command, now: int) -> tuple[Buckets | None, RateLimited | None]:
        if isinstance(command, CancelOrder | CancelAllOrders | CancelAfter):
            buckets, kind = self._cancels, "cancels"
            per_s, burst = settings.HYPERORU_CANCELS_PER_S, settings.HYPERORU_CANCELS_BURST
        else:
            buckets, kind = self._orders, "orders"
            per_s, burst = settings.HYPERORU_ORDERS_PER_S, settings.HYPERORU_ORDERS_BURST
        limit = limit_of(per_s, burst)
        if limit.is_off:
            return None, None
        with self._lock:
            wait = buckets.take(account_id, limit, now)
        return (None, RateLimited(kind, per_s, burst, milliseconds(wait))) if wait else (buckets, None)

    def _give_back(self, account_id: int, buckets: Buckets) -> None:
        with self._lock:
            buckets.give_back(account_id)


class Charges:
    """What the requests of one batch have paid."""

    __slots__ = ("_limits", "_now", "_paid")

    def __init__(self, limits: AccountLimits, now: int) -> None:
        self._limits = limits
        self._now = now
        self._paid: list[tuple[int, Buckets]] = []

    def refusal(self, account_id: int, command: Command) -> RateLimited | None:
        """Charge an account for a command and return None, or return the refusal where it has given too many."""
        buckets, refusal = self._limits._take(account_id, command, self._now)
        if buckets is not None:
            self._paid.append((account_id, buckets))
        return refusal

    def settle(self) -> None:
        """Keep what was paid, whatever comes: the requests may have been carried out."""
        self._paid.clear()

    def give_back(self) -> None:
        for account_id, buckets in self._paid:
            self._limits._give_back(account_id, buckets)
        self._paid.clear()
