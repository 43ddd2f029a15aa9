"""Executing constant statements: prepared once, without building anything anew."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, OperationalError, connections

Rows = list[tuple[Any, ...]]


def vendor() -> str:
    """Return which database it is: `postgresql` or `sqlite`."""
    return str(connections[DEFAULT_DB_ALIAS].vendor)


def execute(text: str, parameters: Sequence[Any], *, plan_once: bool = True) -> Rows:
    """Execute a statement with `%s` for each parameter and return the rows that it gives, as every one has to.

    Raises Django's database errors; `OperationalError`, so that the transaction is tried again, where a column of a
    prepared statement has another type by now (a migration ran).

    Django's cursors translate the placeholders of SQLite each time, and put values into the text for PostgreSQL, which
    then plans it anew each time. So the driver's own are used, but where somebody watches what is executed.
    """
    db = connections[DEFAULT_DB_ALIAS]
    db.ensure_connection()
    if db.queries_logged or db.execute_wrappers:
        with db.cursor() as cursor:
            cursor.execute(text, parameters)
            return list(cursor.fetchall())
    db.validate_no_broken_transaction()
    try:
        return _executed(db, text, parameters, plan_once=plan_once)
    except NotSupportedError as error:
        if db.in_atomic_block:  # its rollback forgets what was prepared
            raise OperationalError(*error.args) from error
        with db.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        return _executed(db, text, parameters, plan_once=plan_once)


def _executed(db: Any, text: str, parameters: Sequence[Any], *, plan_once: bool) -> Rows:
    with db.wrap_database_errors:
        if db.vendor == "sqlite":
            return list(db.connection.execute(_with_question_marks(text), parameters).fetchall())
        cursor = _cursor(db)
        cursor.execute(text, parameters, prepare=None if plan_once else False)
        return list(cursor.fetchall())


def _cursor(db: Any) -> Any:
    """Return the one cursor that a connection to PostgreSQL has for this: making one takes as long as a statement."""
    from psycopg import Cursor  # only where that is the database

    kept = getattr(db, "hyperoru_cursor", None)
    if kept is None or kept.connection is not db.connection:
        kept = db.hyperoru_cursor = Cursor(db.connection)
    return kept


@lru_cache(512)
def _with_question_marks(text: str) -> str:
    return text.replace("%s", "?")


def array(values: Iterable[Any]) -> str:
    """Return whole numbers, texts, booleans and times as PostgreSQL reads an array.

    The driver would take longer, and another type for each greatest number, which is another statement to prepare.
    """
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value)
    text = value if isinstance(value, str) else value.isoformat()
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
