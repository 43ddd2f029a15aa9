"""Consistent reads."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


def refresh_connections() -> None:
    """Drop this thread's database connection if an error has left it unusable; else keep it.

    For threads that last: Django's own `close_old_connections` would open a new one for each piece of work.
    """
    if connection.connection is None or connection.in_atomic_block or not connection.errors_occurred:
        return
    if connection.is_usable():
        connection.errors_occurred = False
    else:
        connection.close()


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
