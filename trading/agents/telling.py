"""How models write numbers, and what they say where there is nothing to decide."""

from decimal import Context, Decimal
from typing import Any

from trading.agents.base import Verdict
from trading.domain.enums import Action

FIGURES = Context(prec=7)
ATR_FIGURES = Context(prec=4)


def plain(value: Decimal) -> str:
    """Write a number without exponent and without trailing zeros: the same in the facts as in the reasoning."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def figures(value: float, context: Context = FIGURES) -> Decimal:
    """Return an indicator's value as it is shown: 7 figures, or those of the context."""
    return +context.create_decimal_from_float(value)


def hold(reasoning: str, facts: dict[str, Any]) -> Verdict:
    return Verdict(Action.HOLD, reasoning, None, facts)


def warming_up(have: int, needed: int) -> Verdict:
    return hold(f"Warming up: {have} of {needed} bars; no signal", {"bars": have, "bars_needed": needed})


def flat_market(bars: int) -> Verdict:
    return hold(f"The price has not moved in {bars} bars; no signal", {"bars": bars})
