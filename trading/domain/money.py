"""Exact arithmetic: what a number may be, and how the few results that round are rounded.

Prices carry at most ``6 - size_decimals`` decimals and sizes at most ``size_decimals``, so every notional is an
exact multiple of one micro-USDC. Only fees, margins, funding and entry averages ever round.
"""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

MICRO = Decimal("0.000001")
ZERO = Decimal(0)
CONTEXT = Context(prec=60)
"""Wide enough that no product of two storable numbers is ever rounded by the context."""

LARGEST = Decimal("1e12")
"""No price or amount of money may reach this; a 64-bit integer of micro-units holds nine times as much."""
LARGEST_SIZE = Decimal("1e10")
"""No size of an order may reach this; a 64-bit integer of units of 1e-8 holds nine times as much."""


def truncate(amount: Decimal) -> Decimal:
    """Cut an amount of USDC at 1e-6, towards zero, as the venue rounds each fee."""
    return amount.quantize(MICRO, rounding=ROUND_DOWN, context=CONTEXT)


def round_micro(amount: Decimal) -> Decimal:
    """Round an amount of USDC to 1e-6, half to even."""
    return amount.quantize(MICRO, rounding=ROUND_HALF_EVEN, context=CONTEXT)


def decimals(value: Decimal) -> int:
    """Count the decimal places that a finite number really needs: 1.500 needs one, 1000 none."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), "a finite number is expected"
    places = -exponent if value else 0
    while places > 0 and not digits[exponent + places - 1]:
        places -= 1
    return max(0, places)


def problem_with_positive(value: Decimal) -> str | None:
    """Tell what keeps a number from being a price or a size, or None if nothing does."""
    if not value.is_finite():
        return "must be a finite number"
    if value <= 0:
        return "must be greater than 0"
    if value >= LARGEST:
        return "must be less than 1000000000000"
    if decimals(value) > 18:
        return "has too many decimal places"
    return None
