"""The triggers by which the database itself refuses to change or delete a row of an append-only table.

The models refuse it too, but `QuerySet.update`, bulk calls and a person with a SQL prompt go past them.
The error that a refused statement meets is Django's `IntegrityError` on both databases.

On SQLite Django alters a table by copying it into a new one, which loses its triggers: a migration that alters one of
these tables must call `install` again. `TRUNCATE` of PostgreSQL is not stopped: Django's tests empty tables with it.
"""

from collections.abc import Sequence

from django.db import NotSupportedError
from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("accounts_ledgerentry", "accounts_auditentry")
VERBS = ("UPDATE", "DELETE")
REFUSAL = {"UPDATE": "is append-only: rows can not be changed", "DELETE": "is append-only: rows can not be deleted"}

POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION append_only_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$
"""
POSTGRES_TRIGGER = """
CREATE OR REPLACE TRIGGER {trigger} BEFORE {verb} ON {table}
FOR EACH ROW EXECUTE FUNCTION append_only_refuse('{refusal}')
"""
SQLITE_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {trigger} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} {refusal}'); END
"""


def install(connection: BaseDatabaseWrapper, tables: Sequence[str] = TABLES) -> None:
    """Make the triggers of `tables` where they are not there.

    Raises `NotSupportedError` on a database that is neither PostgreSQL nor SQLite.
    """
    if connection.vendor not in ("postgresql", "sqlite"):
        raise NotSupportedError(f"Append-only tables need PostgreSQL or SQLite, not {connection.vendor}.")
    template = SQLITE_TRIGGER
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_FUNCTION)
            template = POSTGRES_TRIGGER
        for table in tables:
            for verb in VERBS:
                cursor.execute(
                    template.format(trigger=trigger_name(table, verb), verb=verb, table=table, refusal=REFUSAL[verb])
                )


def uninstall(connection: BaseDatabaseWrapper, tables: Sequence[str] = TABLES) -> None:
    """Drop the triggers of `tables`; on PostgreSQL their function too where no table uses it any more."""
    for table in tables:
        for verb in VERBS:
            _drop(connection, table, verb)
    if connection.vendor == "postgresql" and set(tables) >= set(TABLES):
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION IF EXISTS append_only_refuse()")


def drop_delete_triggers(connection: BaseDatabaseWrapper, tables: Sequence[str] = TABLES) -> None:
    """Let rows be deleted again, on SQLite only: Django's flush between tests is a `DELETE` there."""
    if connection.vendor == "sqlite":
        for table in tables:
            _drop(connection, table, "DELETE")


def trigger_name(table: str, verb: str) -> str:
    return f"{table}_no_{verb.lower()}"


def _drop(connection: BaseDatabaseWrapper, table: str, verb: str) -> None:
    on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER IF EXISTS {trigger_name(table, verb)}{on_table}")
