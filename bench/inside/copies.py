"""Filling tables with copies of a row, by the database itself."""

from django.db import connection, models

SERIES = "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s) AS each"


def copies(row: models.Model, source: int | str, **columns: str) -> None:
    """Write a copy of a row for each number from 1 to `source`, or for each row of a table so aliased `each`.

    `columns` are SQL expressions of what differs, which may use `each.n`, or columns of `each`. Without one the primary
    key is the database's next.
    """
    meta = row._meta
    taken = {f.column: columns.pop(f.column, f"src.{f.column}") for f in meta.concrete_fields if not f.primary_key}
    taken |= columns
    origin = SERIES.format(count=source) if isinstance(source, int) else source
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {meta.db_table} ({', '.join(taken)}) SELECT {', '.join(taken.values())} "
            f"FROM {meta.db_table} AS src CROSS JOIN {origin} WHERE src.id = {row.pk}"
        )


def settle() -> None:
    """Let the planner know what there is, where the database would by itself in a while."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
