"""JSON numbers from exact decimals."""

from decimal import Decimal
from typing import Annotated

import msgspec

Number = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "number"})]
"""A JSON number, already encoded: an exact decimal without exponent, with at least one decimal place."""

PRINTED = Decimal("1e-10")


def number(value: Decimal) -> msgspec.Raw:
    """Encode a decimal as JSON number: ``0.3``, ``10000.0``; never an exponent, never a float's rounding."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0")
        if text.endswith("."):
            text += "0"
    else:
        text += ".0"
    return msgspec.Raw(b"0.0" if text == "-0.0" else text.encode())


def optional(value: Decimal | None) -> msgspec.Raw | None:
    return None if value is None else number(value)
