"""Writing rows: each a dictionary from attribute to value, all of one statement with the same attributes."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState

from trading.rows.columns import Field, fields_of, is_json, writer
from trading.rows.statements import Rows, array, execute, vendor

Row = Mapping[str, Any]
AnyModel = TypeVar("AnyModel", bound=models.Model)
MOST_PARAMETERS = 3_000
"""Of one statement on SQLite: more save nothing, and each connection keeps 128 of them, with 90 bytes for each one."""


def insert(model: type[models.Model], rows: Sequence[Row]) -> list[Any]:
    """Insert rows, which have every attribute but the primary key, and return their keys."""
    return _write(rows, _inserting(model, tuple(rows[0]))) if rows else []


def upsert(model: type[models.Model], rows: Sequence[Row], unique: tuple[str, ...]) -> list[Any]:
    """Insert rows, or update all else of those that are there by their unique attributes, and return their keys.

    No two of them may be the same by these.
    """
    return _write(rows, _upserting(model, tuple(rows[0]), unique)) if rows else []


def update(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Update rows by their first attribute, the primary key."""
    if rows:
        _write(rows, _updating(model, tuple(rows[0])))


def add(model: type[models.Model], rows: Sequence[Row], by: tuple[str, ...], returning: tuple[str, ...]) -> Rows:
    """Add to the columns of the rows that have the values given of `by`; return what is asked of them afterwards.

    Whole numbers and texts only. No two rows given may mean the same one. They are locked by primary key.
    """
    return _execute(rows, _adding(model, tuple(rows[0]), by, returning)) if rows else []


def made(model: type[AnyModel], row: Row, **cached: models.Model) -> AnyModel:
    """Return an object of a row that was written. `cached`: the objects that its foreign keys name, where known.

    The same as the model's constructor makes, in a tenth of the time: nothing is left to its defaults.
    """
    made = model.__new__(model)
    made.__dict__.update(row)
    state = made._state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    state.fields_cache = cached
    return made


class _Statement:
    """A statement for rows of the same attributes. `text` makes it from the part that gives the rows."""

    def __init__(self, fields: Sequence[Field], text: Callable[[str], str]) -> None:
        self.names = [field.attname for field in fields]
        self._writers = [writer(field) for field in fields]
        self._text = text
        self._by_count: dict[int, str] = {}
        self._json = [is_json(field) for field in fields]
        self._types = [_plain_type(field) for field in fields]

    def columns(self, rows: Sequence[Row]) -> list[list[Any]]:
        pairs = zip(self.names, self._writers, strict=True)
        return [write([row[name] for row in rows]) for name, write in pairs]

    def for_arrays(self) -> str:
        if 0 not in self._by_count:
            arrays = ", ".join(f"%s::{kind}[]" for kind in self._types)
            self._by_count[0] = self._text(f"SELECT * FROM unnest({arrays})")  # noqa: S608
        return self._by_count[0]

    def for_values(self, count: int) -> str:
        if count not in self._by_count:
            row = f"({', '.join(['%s'] * len(self.names))})"
            self._by_count[count] = self._text(f"VALUES {', '.join([row] * count)}")
        return self._by_count[count]

    def arrays(self, columns: Sequence[list[Any]]) -> list[Any]:
        return [each if json else array(each) for each, json in zip(columns, self._json, strict=True)]


def _write(rows: Sequence[Row], statement: _Statement) -> list[Any]:
    return [key for (key,) in _execute(rows, statement)]


def _execute(rows: Sequence[Row], statement: _Statement) -> Rows:
    columns = statement.columns(rows)
    if vendor() == "postgresql":
        return execute(statement.for_arrays(), statement.arrays(columns))
    found: Rows = []
    at_once = MOST_PARAMETERS // len(columns)
    for start in range(0, len(rows), at_once):
        some = list(zip(*(column[start : start + at_once] for column in columns), strict=True))
        found += execute(statement.for_values(len(some)), list(chain(*some)))
    return found


@lru_cache
def _inserting(model: type[models.Model], names: tuple[str, ...]) -> _Statement:
    fields = fields_of(model, names)
    assert {*fields, model._meta.pk} == {*model._meta.concrete_fields}, "an attribute is missing"
    head, key = _head(model, fields), _column(model._meta.pk)
    return _Statement(fields, lambda given: f"{head} {given} RETURNING {key}")


@lru_cache
def _upserting(model: type[models.Model], names: tuple[str, ...], unique: tuple[str, ...]) -> _Statement:
    fields = fields_of(model, names)
    target = ", ".join(_column(field) for field in fields if field.attname in unique)
    changes = ", ".join(f"{_column(f)} = EXCLUDED.{_column(f)}" for f in fields if f.attname not in unique)
    conflict = f"ON CONFLICT ({target}) DO UPDATE SET {changes} RETURNING {_column(model._meta.pk)}"
    head = _head(model, fields)
    # Without WHERE SQLite would take ON for that of a join.
    return _Statement(fields, lambda given: f"{head} SELECT * FROM ({given}) AS given WHERE true {conflict}")  # noqa: S608


@lru_cache
def _updating(model: type[models.Model], names: tuple[str, ...]) -> _Statement:
    fields = fields_of(model, names)
    assert fields[0].primary_key, "rows are found by their primary key"
    changes = ", ".join(f"{_column(field)} = given.{_column(field)}" for field in fields[1:])
    return _changing(model, fields, fields[:1], changes, fields[:1])


@lru_cache
def _adding(
    model: type[models.Model], names: tuple[str, ...], by: tuple[str, ...], returning: tuple[str, ...]
) -> _Statement:
    fields, table = fields_of(model, names), f'"{model._meta.db_table}"'
    added = [_column(field) for field in fields if field.attname not in by]
    changes = ", ".join(f"{column} = {table}.{column} + given.{column}" for column in added)
    return _changing(model, fields, fields_of(model, by), changes, fields_of(model, returning), lock=True)


def _changing(
    model: type[models.Model],
    fields: Sequence[Field],
    by: Sequence[Field],
    changes: str,
    returning: Sequence[Field],
    *,
    lock: bool = False,
) -> _Statement:
    """Return an UPDATE of the rows that have the values given of `by`. `lock`: by primary key, before any changes."""
    table, key = f'"{model._meta.db_table}"', _column(model._meta.pk)
    listed = ", ".join(_column(field) for field in fields)
    same = " AND ".join(f"{table}.{_column(field)} = given.{_column(field)}" for field in by)
    told = ", ".join(f"{table}.{_column(field)}" for field in returning)
    rest = f"UPDATE {table} SET {changes} FROM given WHERE {same} RETURNING {told}"  # noqa: S608
    if not lock or vendor() == "sqlite":  # which has one lock for all
        return _Statement(fields, lambda given: f"WITH given ({listed}) AS ({given}) {rest}")
    # An UPDATE alone locks in the order of its plan, across others who lock many by primary key.
    wanted = f"SELECT {table}.{key} AS key, given.* FROM {table} JOIN given ON {same}"  # noqa: S608
    locked = f"{wanted} ORDER BY {table}.{key} FOR NO KEY UPDATE OF {table}"
    rest = f"UPDATE {table} SET {changes} FROM locked AS given WHERE {table}.{key} = given.key RETURNING {told}"  # noqa: S608
    return _Statement(fields, lambda given: f"WITH given ({listed}) AS ({given}), locked AS ({locked}) {rest}")


def _head(model: type[models.Model], fields: Sequence[Field]) -> str:
    return f'INSERT INTO "{model._meta.db_table}" ({", ".join(_column(field) for field in fields)})'


def _plain_type(field: Field) -> str:
    """Return a column's type as an array may have it: without its length, which the column itself holds."""
    kind = str(field.rel_db_type(connection) if field.is_relation else field.db_type(connection))
    return kind.split("(")[0].replace("varchar", "text")


def _column(field: Any) -> str:
    return f'"{field.column}"'
