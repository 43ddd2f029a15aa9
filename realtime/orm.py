"""Database work for coroutines: a small pool of threads of its own.

Django's async helpers run all of it on one thread for the whole process, where one slow query holds up everybody.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from realtime.protocol.errors import ProtocolError

T = TypeVar("T")
_pool: ThreadPoolExecutor | None = None


async def in_orm(function: Callable[..., T], *args: Any) -> T:
    """Run a function that uses the database in the pool. A database that fails is told as `unavailable`."""
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(settings.HYPERORU_ORM_THREADS, thread_name_prefix="orm")
    return await asyncio.get_running_loop().run_in_executor(_pool, _with_connection, function, args)


def _with_connection(function: Callable[..., T], args: tuple[Any, ...]) -> T:
    close_old_connections()
    try:
        return function(*args)
    except (DatabaseError, InterfaceError) as error:
        connections.close_all()
        raise ProtocolError("unavailable", "The database can't be reached; nothing was done. Try again.") from error


def close_pool() -> None:
    """End the pool's threads and their connections; the next call starts new ones."""
    global _pool
    pool, _pool = _pool, None
    if pool is None:
        return
    everyone = threading.Barrier(settings.HYPERORU_ORM_THREADS)
    for _ in range(settings.HYPERORU_ORM_THREADS):
        pool.submit(_close_connections, everyone)
    pool.shutdown()


def _close_connections(everyone: threading.Barrier) -> None:
    """Close this thread's connections, and wait for the others: so each thread of the pool takes one such call."""
    connections.close_all()
    everyone.wait()
