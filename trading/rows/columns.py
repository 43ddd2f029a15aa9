"""How values of models' fields go to the database, and how they come from it."""

from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

from django.db import connection, models
from django.db.models.expressions import Col

from accounts.fields import FixedPointField

Convert = Callable[[Any], Any]
Field: TypeAlias = "models.Field[Any, Any]"
WHOLE = {
    models.AutoField,
    models.BigAutoField,
    models.BigIntegerField,
    models.IntegerField,
    models.PositiveBigIntegerField,
    models.PositiveIntegerField,
    models.PositiveSmallIntegerField,
    models.SmallIntegerField,
}
TEXT = {models.CharField, models.TextField}


@lru_cache
def fields_of(model: type[models.Model], names: tuple[str, ...]) -> tuple[Field, ...]:
    """Return fields by the names of their attributes. Raises `KeyError` for an unknown one."""
    known: dict[str, Field] = {field.attname: field for field in model._meta.concrete_fields}
    return tuple(known[name] for name in names)


def stored_type(field: Field) -> type:
    """Return the type of field whose values a column holds: of a foreign key that of the key."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return type(field)


def is_json(field: Field) -> bool:
    """Tell whether a column holds JSON, which the drivers take as objects of their own."""
    return issubclass(stored_type(field), models.JSONField)


def writer(field: Field) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what makes of a column of values what the database takes. It raises what the field raises for a wrong one.

    The fields' own way takes a microsecond for each value that needs nothing, and a batch has thousands.
    """
    kind = stored_type(field)
    if kind in WHOLE or kind is models.BooleanField:
        return list
    if kind in TEXT:
        return lambda values: [value.value if isinstance(value, Enum) else value for value in values]
    if issubclass(kind, FixedPointField):
        units = field.get_prep_value
        return lambda values: [units(value) for value in values]
    if issubclass(kind, models.DateField):
        return lambda values: _each_once(values, lambda value: field.get_db_prep_save(value, connection))
    return lambda values: [field.get_db_prep_save(value, connection) for value in values]


def _each_once(values: Sequence[Any], write: Convert) -> list[Any]:
    """Convert a column in which most values are the same, as the times of a batch are."""
    known = {value: write(value) for value in set(values)}
    return [known[value] for value in values]


@lru_cache
def reader(field: Field, vendor: str) -> Convert | None:
    """Return what makes a field's value of what the database returns, None where that is the value already."""
    column = Col(field.model._meta.db_table, field)
    steps = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
    if not steps:
        return None

    def read(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connection)
        return value

    return read
