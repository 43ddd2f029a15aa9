"""Database work for coroutines: small pools of threads of its own.

Django's async helpers run all of it on one thread for the whole process, where one slow query holds up everybody.
Requests share one pool; the hub's own work has another, so that no reader can hold up delivery.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections

from realtime.protocol.errors import unavailable
from trading.reading import refresh_connections

T = TypeVar("T")
BACKGROUND_THREADS = 2
DEADLINE_S = 5.0
"""How long a piece of work may take once it has begun. A thread whose database hangs can't be freed, only given up."""


class _Work:
    """When a piece of work began in its thread, whether it has ended, and whether it was given up."""

    __slots__ = ("began", "ended", "given_up")

    def __init__(self) -> None:
        self.began: float | None = None
        self.ended = False
        self.given_up = False


class Pool:
    """Threads that are started when they are first needed, each with a database connection of its own."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        self._name = name
        self._size = size
        self._executor: ThreadPoolExecutor | None = None
        self._hanging: set[_Work] = set()
        """What was given up and still holds its thread."""

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in a thread.

        A database that fails, or does not answer in time, is told as `unavailable`; so is all that waits while every
        thread hangs.
        """
        if self._hangs():
            raise unavailable()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._size(), thread_name_prefix=self._name)
        loop, work = asyncio.get_running_loop(), _Work()
        future = loop.run_in_executor(self._executor, self._carry_out, work, function, args)
        timer = loop.call_later(DEADLINE_S, self._look_after, loop, work, future)
        try:
            return await future
        except asyncio.CancelledError:
            if work.given_up:
                raise unavailable() from None
            raise
        finally:
            timer.cancel()

    def close(self, within: float | None = None) -> bool:
        """End the threads and their connections; the next call starts new ones.

        Returns whether they ended; those that have not `within` so many seconds are left behind.
        """
        executor, self._executor, self._hanging = self._executor, None, set()
        if executor is None:
            return True
        everyone = threading.Barrier(self._size())
        closing = [executor.submit(_close_connections, everyone) for _ in range(self._size())]
        late = wait(closing, within).not_done
        everyone.abort()
        executor.shutdown(wait=not late, cancel_futures=True)
        return not late

    def _hangs(self) -> bool:
        return len(self._hanging) >= self._size()

    def _look_after(self, loop: asyncio.AbstractEventLoop, work: _Work, future: "asyncio.Future[Any]") -> None:
        """Give up work that takes too long, and such that waits for threads which all hang."""
        if future.done():
            return
        left = DEADLINE_S if work.began is None else work.began + DEADLINE_S - monotonic()
        if left > 0 and not self._hangs():
            loop.call_later(left, self._look_after, loop, work, future)
            return
        work.given_up = True
        if work.began is not None:
            self._hanging.add(work)
            if work.ended:
                self._hanging.discard(work)
        future.cancel()

    def _carry_out(self, work: _Work, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        work.began = monotonic()
        try:
            return _with_connection(function, args)
        finally:
            work.ended = True
            self._hanging.discard(work)


_requests = Pool("orm", lambda: settings.HYPERORU_ORM_THREADS)
_background = Pool("orm-background", lambda: BACKGROUND_THREADS)
_comparing = Pool("orm-compare", lambda: 1)
"""For what takes long: one at a time, so that it holds up nothing but its like."""


async def in_orm(function: Callable[..., T], *args: Any) -> T:
    """Run a function of a request that uses the database."""
    return await _requests.run(function, *args)


async def in_turn(function: Callable[..., T], *args: Any) -> T:
    """Run a function that takes long in a thread that is for such ones: they take turns, and hold up nobody else."""
    return await _comparing.run(function, *args)


async def in_background(function: Callable[..., T], *args: Any) -> T:
    """Run a function of the hub's own work that uses the database."""
    return await _background.run(function, *args)


def close_pools(within: float | None = None) -> bool:
    """End all threads; those that do not end `within` so many seconds are left behind. Returns whether all ended."""
    end = None if within is None else monotonic() + within
    pools = (_requests, _comparing, _background)
    closed = [pool.close(None if end is None else max(0.0, end - monotonic())) for pool in pools]
    return all(closed)


def _with_connection(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    refresh_connections()
    try:
        if connection.connection is None:
            _connect()
        return function(*args)
    except (DatabaseError, InterfaceError) as error:
        connections.close_all()
        raise unavailable() from error


def _connect() -> None:
    """Open this thread's connection. PostgreSQL itself stops what nobody waits for any more, as behind a lock."""
    connection.connect()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = %s", [int(DEADLINE_S * 1_000)])


def _close_connections(everyone: threading.Barrier) -> None:
    """Close this thread's connections, and wait for the others: so each thread of the pool takes one such call."""
    connections.close_all()
    with suppress(threading.BrokenBarrierError):  # another one hangs
        everyone.wait()
