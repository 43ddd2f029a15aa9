"""Choices that the venue's documentation leaves open, by name."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Policies:
    """`market_slippage`: how far from the mid a market order walks the book, a fraction.

    `max_order_notional`: USDC; `max_open_orders`: of one account.
    """

    market_slippage: Decimal = Decimal("0.05")
    max_order_notional: Decimal = Decimal(500_000_000)
    max_open_orders: int = 1_000


DEFAULTS = Policies()
