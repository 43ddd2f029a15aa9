"""Choices that the venue's documentation leaves open, by name."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from trading.domain.latency import NONE, Latency


@dataclass(frozen=True, slots=True)
class Policies:
    """`market_slippage`: how far from the mid a market order walks the book, a fraction. `trigger_slippage`: how far
    from its trigger a stop or take profit that goes to the market does.

    `max_order_notional`: USDC; `max_open_orders`: of one account.

    `liquidation_slippage`: how far from the mid the orders of a liquidation walk the book, a fraction. Of a position
    worth more than `liquidation_partial_above` (USDC) first `liquidation_partial_share` (a fraction) is closed, and
    within `liquidation_cooldown` after that whole positions.
    """

    latency: Latency = NONE
    """How long orders are on their way to the exchange. Cancels, and triggers that fire, are there at once."""
    market_slippage: Decimal = Decimal("0.05")
    trigger_slippage: Decimal = Decimal("0.10")
    max_order_notional: Decimal = Decimal(500_000_000)
    max_open_orders: int = 1_000
    liquidation_slippage: Decimal = Decimal("0.05")
    liquidation_partial_above: Decimal = Decimal(100_000)
    liquidation_partial_share: Decimal = Decimal("0.2")
    liquidation_cooldown: timedelta = timedelta(seconds=30)


DEFAULTS = Policies()
