"""Consistent reads."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections, connection, transaction


def refresh_connections() -> None:
    """Drop this thread's database connection if it may have gone stale. A file's can't, and is costly to open."""
    if connection.vendor != "sqlite":
        close_old_connections()


@contextmanager
def read_snapshot() -> Iterator[None]:
    """Let all queries inside see the database as of one moment, without waiting for writers nor holding them up.

    PostgreSQL: REPEATABLE READ, read only. SQLite: a deferred transaction, which in WAL mode reads one snapshot (the
    project's transactions are IMMEDIATE, which would take the write lock). Inside a transaction it joins that one.
    """
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    connection.ensure_connection()
    mode = connection.transaction_mode  # type: ignore[attr-defined]
    connection.transaction_mode = "DEFERRED"  # type: ignore[attr-defined]
    try:
        with transaction.atomic():
            yield
    finally:
        connection.transaction_mode = mode  # type: ignore[attr-defined]
