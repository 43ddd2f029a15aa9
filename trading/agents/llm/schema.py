"""The reply of a language model: the JSON schema that it is given, and the structs that it is read by."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from trading.domain.enums import Action

MOST_REASONING = 4_000
PLAIN = re.compile(r"-?\d{1,15}(\.\d{1,18})?", re.ASCII)


class Figure:
    """A number of a reply: a plain decimal string, or a number of JSON. No dataclass: those are read as objects."""

    __slots__ = ("value",)

    def __init__(self, value: Decimal) -> None:
        self.value = value


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One decision, as the model wrote it. What may be null may be left out."""

    symbol: str
    action: Action
    confidence: Figure
    reasoning: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_REASONING)]
    notional: Figure | None = None
    leverage: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    stop_loss: Figure | None = None
    take_profit: Figure | None = None


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole reply. Its entries are read one by one."""

    decisions: list[Any]


def read_entry(given: object) -> Entry:
    """Read one entry strictly. Raise `msgspec.ValidationError` that says what is wrong."""
    return msgspec.convert(given, Entry, strict=True, dec_hook=_hook)


def _hook(kind: type, given: object) -> object:
    if kind is not Figure:
        raise NotImplementedError
    return Figure(_decimal(given))


def _decimal(given: object) -> Decimal:
    if isinstance(given, str):
        if not PLAIN.fullmatch(given):
            raise ValueError("Expected a plain decimal string")
        return Decimal(given)
    if isinstance(given, int | Decimal) and not isinstance(given, bool):
        number = Decimal(given)
        if number.is_finite() and (not number or -18 <= number.adjusted() < 15):
            return number
        raise ValueError("Expected a number of usual size")
    raise ValueError(f"Expected a decimal, got {type(given).__name__}")


def json_schema(symbols: Iterable[str]) -> dict[str, Any]:
    """Return the schema of a reply about these symbols, in the subset that strict structured outputs take."""
    figure, perhaps = {"type": "string"}, {"type": ["string", "null"]}
    properties = {
        "symbol": {"type": "string", "enum": list(symbols)},
        "action": {"type": "string", "enum": [action.value for action in Action]},
        "notional": perhaps,
        "leverage": {"type": ["integer", "null"]},
        "stop_loss": perhaps,
        "take_profit": perhaps,
        "confidence": figure,
        "reasoning": {"type": "string"},
    }
    entry = {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["decisions"],
        "properties": {"decisions": {"type": "array", "items": entry}},
    }
