"""What may be asked of an account. Each is decided alone, in the order given."""

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from trading.domain.enums import Action, LedgerKind, OrderType, Side, TimeInForce
from trading.domain.money import CONTEXT


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """`size` in units of the symbol, `price` (limit orders only) in USDC.

    `leverage` None: the position's, or the instrument's default.
    """

    symbol: str
    side: Side
    size: Decimal
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    leverage: int | None = None
    client_order_id: str | None = None

    def fingerprint(self) -> str:
        """Digest the body without its client id: the same however its numbers are written."""
        numbers = (None if n is None else f"{n.normalize(CONTEXT):f}" for n in (self.size, self.price))
        body = (self.symbol, self.side, *numbers, self.order_type, self.time_in_force, self.reduce_only, self.leverage)
        return hashlib.sha256("|".join(map(str, body)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel one open order, named by its id or by its client id."""

    order_id: int | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class CancelAllOrders:
    """Cancel all open orders, or those of one symbol."""

    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class MatchOrder:
    """Fill a resting order as far as the market now trades through it. Given by the engine."""

    order_id: int


@dataclass(frozen=True, slots=True)
class RecordEquity:
    """Write down what the account is worth now. Given by the engine."""


@dataclass(frozen=True, slots=True)
class MoveCash:
    """Deposit, withdraw (negative amount) or adjust cash. `amount` in USDC, signed."""

    kind: LedgerKind
    amount: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SubmitDecision:
    """What a model decided, why, and the order that follows from it, if any.

    `confidence` is a fraction from 0 to 1. `facts` are the numbers that the reasoning was rendered from.
    `client_decision_id` is unique for the account for ever: the same decision is never carried out twice.
    """

    model: str
    symbol: str
    action: Action
    reasoning: str
    confidence: Decimal | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    client_decision_id: str | None = None
    order: PlaceOrder | None = None


Command = PlaceOrder | CancelOrder | CancelAllOrders | MatchOrder | RecordEquity | MoveCash | SubmitDecision
