"""Database work for coroutines: small pools of threads of its own.

Django's async helpers run all of it on one thread for the whole process, where one slow query holds up everybody.
Requests share one pool; the hub's own work has another, so that no reader can hold up delivery.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from realtime.protocol.errors import ProtocolError
from trading.reading import refresh_connections

T = TypeVar("T")
BACKGROUND_THREADS = 2


class Pool:
    """Threads that are started when they are first needed, each with a database connection of its own."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        self._name = name
        self._size = size
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function in a thread. A database that fails is told as `unavailable`."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._size(), thread_name_prefix=self._name)
        return await asyncio.get_running_loop().run_in_executor(self._executor, _with_connection, function, args)

    def close(self) -> None:
        """End the threads and their connections; the next call starts new ones."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        everyone = threading.Barrier(self._size())
        for _ in range(self._size()):
            executor.submit(_close_connections, everyone)
        executor.shutdown()


_requests = Pool("orm", lambda: settings.HYPERORU_ORM_THREADS)
_background = Pool("orm-background", lambda: BACKGROUND_THREADS)


async def in_orm(function: Callable[..., T], *args: Any) -> T:
    """Run a function of a request that uses the database."""
    return await _requests.run(function, *args)


async def in_background(function: Callable[..., T], *args: Any) -> T:
    """Run a function of the hub's own work that uses the database."""
    return await _background.run(function, *args)


def close_pools() -> None:
    _requests.close()
    _background.close()


def _with_connection(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    refresh_connections()
    try:
        return function(*args)
    except (DatabaseError, InterfaceError) as error:
        connections.close_all()
        raise ProtocolError("unavailable", "The database can't be reached; nothing was done. Try again.") from error


def _close_connections(everyone: threading.Barrier) -> None:
    """Close this thread's connections, and wait for the others: so each thread of the pool takes one such call."""
    connections.close_all()
    everyone.wait()
