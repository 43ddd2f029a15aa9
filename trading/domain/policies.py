"""Choices that the venue's documentation leaves open, or gives in more than one way, by name.

Fixed by the protocol instead are: a client order id names its order for ever, and what an `ioc` order left is canceled.
Orders of the exchange never meet each other, so none has to be kept from trading with itself.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from trading.domain.enums import OrderType
from trading.domain.latency import NONE, Latency
from trading.domain.margin import WITHDRAWABLE_NOTIONAL_SHARE


@dataclass(frozen=True)
class Policies:
    """`market_slippage`: how far from the mid a market order walks the book, a fraction. `trigger_slippage`: how far
    from its trigger a stop or take profit that goes to the market does.

    `market_notionals`: the most (USDC) that one order may be worth that goes to the market, by the instrument's maximum
    leverage: pairs of the least leverage of a class and its figure, the highest class first. A limit order may be worth
    `limit_multiple` times as much. `max_open_orders`: of one account.

    `margin_for_fees`: whether an order needs the fees of what it fills at once besides its margin.
    `withdrawable_share`: the part (a fraction) of the cross positions' notional that stays where their initial margin
    is less. `funding_rounding`: how a payment is rounded to 1e-6 USDC, one of the modes of `decimal`.

    `liquidation_slippage`: how far from the mid the orders of a liquidation walk the book, a fraction. Of a position
    worth more than `liquidation_partial_above` (USDC) first `liquidation_partial_share` (a fraction) is closed, and
    within `liquidation_cooldown` after that whole positions.
    """

    latency: Latency = NONE
    """How long orders are on their way to the exchange. Cancels, and triggers that fire, are there at once."""
    market_slippage: Decimal = Decimal("0.05")
    trigger_slippage: Decimal = Decimal("0.10")
    market_notionals: tuple[tuple[int, Decimal], ...] = (
        (25, Decimal(15_000_000)),
        (20, Decimal(5_000_000)),
        (10, Decimal(2_000_000)),
        (1, Decimal(500_000)),
    )
    limit_multiple: int = 10
    max_open_orders: int = 1_000
    liquidation_slippage: Decimal = Decimal("0.05")
    liquidation_partial_above: Decimal = Decimal(100_000)
    liquidation_partial_share: Decimal = Decimal("0.2")
    liquidation_cooldown: timedelta = timedelta(seconds=30)
    margin_for_fees: bool = False
    withdrawable_share: Decimal = WITHDRAWABLE_NOTIONAL_SHARE
    funding_rounding: str = ROUND_DOWN

    def most_notional(self, max_leverage: int, order_type: OrderType) -> Decimal:
        """Return the most that one order of a type may be worth, USDC, where the instrument allows a leverage."""
        classes = self.market_notionals
        most = next((notional for least, notional in classes if max_leverage >= least), classes[-1][1])
        return most if order_type.is_market else most * self.limit_multiple


DEFAULTS = Policies()
