"""What an order may become: every status with the ones that may follow it, and every reason for which one ends.

``pending_trigger → open → filled | canceled``; a trigger that fires may also fill or end at once. An order that is
refused never was: it has no status.
"""

from collections.abc import Mapping

from trading.domain.enums import OrderStatus
from trading.domain.orders import Order

OPEN, PENDING = OrderStatus.OPEN, OrderStatus.PENDING_TRIGGER
FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED
FOLLOWING: Mapping[OrderStatus | None, frozenset[OrderStatus]] = {
    None: frozenset({PENDING, OPEN, FILLED, CANCELED}),
    PENDING: frozenset({PENDING, OPEN, FILLED, CANCELED}),
    OPEN: frozenset({OPEN, FILLED, CANCELED}),
    FILLED: frozenset(),
    CANCELED: frozenset(),
}
"""By status; None: of a new order."""

CANCEL_REASONS: Mapping[str, str] = {
    "canceled": "by request",
    "scheduled_cancel": "the deadline that `cancel_after` set went by",
    "market_canceled": "a market order found no more within its slippage",
    "ioc_canceled": "an `ioc` order found no more at its price",
    "bad_alo_px_canceled": "an `alo` order would have traded at once when its trigger fired or it arrived",
    "reduce_only_canceled": "nothing was left to reduce",
    "margin_canceled": "it was reached, and the account could not carry it",
    "parent_canceled": "the order that it was to protect ended before it was filled",
    "sibling_filled_canceled": "the other one of `stop_loss` and `take_profit` was filled",
    "liquidated_canceled": "what it belonged to was liquidated",
    "liquidation_canceled": "the market order of a liquidation found no more within its slippage",
}


class IllegalTransition(AssertionError):
    """The rules would let an order do what no order may: a fault of theirs. Nothing of the command counts."""


def check(before: Order | None, after: Order) -> None:
    """Raise `IllegalTransition` where an order may not become this, `before` None: where none may begin so."""
    status = None if before is None else before.status
    if after.status not in FOLLOWING[status]:
        raise IllegalTransition(f"Order {after.ref} can't go from {status} to {after.status}.")
    if (after.status is CANCELED) != (after.reason in CANCEL_REASONS):
        raise IllegalTransition(f"Order {after.ref} can't be {after.status} for the reason {after.reason!r}.")
    if after.status is PENDING and (after.filled_size or after.triggered_at):
        raise IllegalTransition(f"Order {after.ref} can't wait for its trigger once it fired.")
