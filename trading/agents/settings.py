"""Read a model's settings, as they stand in JSON, into the dataclass that it declares."""

import typing
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

S = TypeVar("S")


class SettingsError(ValueError):
    """A model's settings can't be used; the message tells which one and why."""


def read_settings(kind: type[S], given: Mapping[str, Any]) -> S:
    """Build a settings dataclass from JSON values; what is not given keeps its default.

    Fields may be int, bool, str, Decimal or tuple of strings. Raise `SettingsError` for an unknown name, a value of the
    wrong type, or (from the dataclass itself) a value out of range.
    """
    if not isinstance(given, Mapping):
        raise SettingsError(f"The settings must be an object, not {given!r:.40}.")
    types = typing.get_type_hints(kind)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise SettingsError(f"There is no setting {', '.join(map(repr, unknown))}; choose from {', '.join(known)}.")
    return kind(**{name: _value(name, types[name], value) for name, value in given.items()})


def _value(name: str, kind: Any, value: Any) -> Any:
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str):
        return value
    if kind is Decimal and isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
        return _decimal(name, value)
    if kind == tuple[str, ...] and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    words = {bool: "true or false", int: "a whole number", str: "a string", Decimal: "a number"}
    wanted = words.get(kind, "a list of strings")
    raise SettingsError(f"The setting {name!r} must be {wanted}, not {value!r:.40}.")


def _decimal(name: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise SettingsError(f"The setting {name!r} must be a number, not {value!r:.40}.")
    return number
