"""How many orders and cancels an account may give: buckets of its own for each, in this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic_ns

from django.conf import settings

from trading.buckets import Buckets, limit_of, milliseconds
from trading.domain.commands import CancelAfter, CancelAllOrders, CancelOrder, Command
from trading.domain.errors import RateLimited


class AccountLimits:
    """The buckets of all accounts. Callers of any thread may charge them.

    `clock` tells nanoseconds that go forward, whatever becomes of the time of day: who waits as told is served.
    """

    def __init__(self, clock: Callable[[], int] = monotonic_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._orders = Buckets()
        self._cancels = Buckets()

    @contextmanager
    def charging(self) -> Iterator["Charges"]:
        """Charge requests within the block; should it fail before they are settled, they have cost nothing.

        So a request that is tried again pays once, and one that fails by no fault of its giver pays not at all.
        """
        charges = Charges(self)
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

    def _take(self, account_id: int, command: Command) -> tuple[Buckets | None, RateLimited | None]:
        if isinstance(command, CancelOrder | CancelAllOrders | CancelAfter):
            buckets, kind = self._cancels, "cancels"
            per_s, burst = settings.HYPERORU_CANCELS_PER_S, settings.HYPERORU_CANCELS_BURST
        else:
            buckets, kind = self._orders, "orders"
            per_s, burst = settings.HYPERORU_ORDERS_PER_S, settings.HYPERORU_ORDERS_BURST
        limit = limit_of(per_s, burst)
        if limit.is_off:
            return None, None
        with self._lock:  # the clock is read by who has the lock: times never go back
            wait = buckets.take(account_id, limit, self._clock())
        return (None, RateLimited(kind, per_s, burst, milliseconds(wait))) if wait else (buckets, None)

    def _give_back(self, account_id: int, buckets: Buckets) -> None:
        with self._lock:
            buckets.give_back(account_id)


class Charges:
    """What the requests of one batch have paid."""

    __slots__ = ("_limits", "_paid")

    def __init__(self, limits: AccountLimits) -> None:
        self._limits = limits
        self._paid: list[tuple[int, Buckets]] = []

    def refusal(self, account_id: int, command: Command) -> RateLimited | None:
        """Charge an account for a command and return None, or return the refusal where it has given too many."""
        buckets, refusal = self._limits._take(account_id, command)
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
