"""Stops and take profits: when the mark reaches their trigger.

A sell stop fires at ``mark <= trigger``, a sell take profit at ``mark >= trigger``, those of buyers the other way
round. The mark decides, not what is traded, and what goes to the market then has a slippage cap of its own. Source:
Hyperliquid documentation, "Take profit and stop loss orders (TP/SL)".
"""

from decimal import Decimal

from trading.domain.enums import OrderType, Side
from trading.domain.errors import FieldProblem, OrderRejected
from trading.domain.instruments import Instrument, slippage_price
from trading.domain.policies import Policies


def fires_falling(side: Side, order_type: OrderType) -> bool:
    """Tell whether such an order fires when the mark falls to its trigger; else it fires when the mark rises to it."""
    return (side is Side.SELL) == order_type.is_stop


def is_reached(side: Side, order_type: OrderType, trigger: Decimal, mark: Decimal) -> bool:
    """Tell whether a mark fires a trigger. The trigger's own price does."""
    return mark <= trigger if fires_falling(side, order_type) else mark >= trigger


def cap(trigger: Decimal, side: Side, instrument: Instrument, policies: Policies) -> Decimal:
    """Return the limit at which a market order that fired stops walking the book: ``trigger * (1 ± slippage)``."""
    return slippage_price(trigger, policies.trigger_slippage, side, instrument.size_decimals)


def check_side(
    side: Side,
    order_type: OrderType,
    trigger: Decimal,
    price: Decimal,
    *,
    path: str = "trigger_price",
    of: str = "mark",
) -> None:
    """Refuse a trigger that would fire at once. `price`: the mark, or what the order that it protects is `of`."""
    if not is_reached(side, order_type, trigger, price):
        return
    where = "below" if fires_falling(side, order_type) else "above"
    what = f"{side} {'stop' if order_type.is_stop else 'take profit'}"
    raise OrderRejected(
        f"A {what} at {trigger:f} would fire at once: it must lie {where} the {of}, which is {price:f}.",
        reason="bad_trigger_px_rejected",
        fields=[FieldProblem(path, f"must be {where} {price:f}")],
    )
