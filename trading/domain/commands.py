"""What may be asked of an account. Each is decided alone, in the order given."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.enums import Action, DecisionStatus, LedgerKind, MarginMode, OrderType, Side, TimeInForce
from trading.domain.money import CONTEXT
from trading.domain.positions import Position


@dataclass(frozen=True, slots=True)
class Bracket:
    """A stop loss or take profit that comes with an order. `price` None: at the market when it fires. USDC."""

    trigger_price: Decimal
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """`size` in units of the symbol, `price` (limit orders only) and `trigger_price` (triggers only) in USDC.

    `size` None: a reduce-only trigger that closes the whole position, whatever its size is then.
    `leverage` and `margin_mode` None: the position's, or the instrument's default and cross.
    """

    symbol: str
    side: Side
    size: Decimal | None
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    leverage: int | None = None
    client_order_id: str | None = None
    trigger_price: Decimal | None = None
    stop_loss: Bracket | None = None
    take_profit: Bracket | None = None
    margin_mode: MarginMode | None = None
    decision_id: int | None = None
    """The earlier decision of the account that it follows from, where it does not come with one."""

    def fingerprint(self) -> str:
        """Digest the body without its client id: the same however its numbers are written."""
        body: list[object] = [self.symbol, self.side, _plain(self.size), _plain(self.price), self.order_type]
        body += [self.time_in_force, self.reduce_only, self.leverage]
        # Only where they are given: orders that have none of them keep the digest that they always had.
        if self.trigger_price is not None:
            body.append(f"trigger {_plain(self.trigger_price)}")
        for name, bracket in (("stop_loss", self.stop_loss), ("take_profit", self.take_profit)):
            if bracket is not None:
                body.append(f"{name} {_plain(bracket.trigger_price)} {_plain(bracket.price)}")
        if self.margin_mode is not None:
            body.append(self.margin_mode)
        if self.decision_id is not None:
            body.append(f"decision {self.decision_id}")
        return hashlib.sha256("|".join(map(str, body)).encode()).hexdigest()


def _plain(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.normalize(CONTEXT):f}"


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """Change an order that is not finished, named by its id or its client id; None leaves a figure as it is."""

    order_id: int | None = None
    client_order_id: str | None = None
    size: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close a symbol's whole position at the market."""

    symbol: str
    client_order_id: str | None = None

    def fingerprint(self) -> str:
        """Digest the body without its client id, whatever the position is by now."""
        return hashlib.sha256(f"close|{self.symbol}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CancelAfter:
    """Cancel all orders at `deadline` (UTC), unless told otherwise before; None disarms."""

    deadline: datetime | None


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
class FireTrigger:
    """Let a stop or take profit go whose trigger the mark has reached. Given by the engine."""

    order_id: int


@dataclass(frozen=True, slots=True)
class CancelAtDeadline:
    """Cancel all orders of an account whose `CancelAfter` has passed. Given by the engine."""


@dataclass(frozen=True, slots=True)
class Liquidate:
    """Liquidate what no longer has its maintenance margin, as far as the rules say. Given by the engine."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take positions, at these marks, and cash (negative: make up a debt) over from an account. Given to the house."""

    from_account: int
    positions: tuple[Position, ...]
    marks: tuple[Decimal, ...]
    cash: Decimal
    is_bad_debt: bool = False


@dataclass(frozen=True, slots=True)
class SettleFunding:
    """Pay or receive an hour's funding of a symbol. Given by the engine; done once for each hour.

    `rate` is the hourly rate, a fraction; `oracle` in USDC; `hour` the full hour (UTC) that it is due.
    """

    symbol: str
    hour: datetime
    rate: Decimal
    oracle: Decimal


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
    decided_at: datetime | None = None
    """When the model saw what it decided on (UTC), None: now."""
    decided_mark: Decimal | None = None
    """The symbol's mark (USDC) that it decided on."""
    status: DecisionStatus = DecisionStatus.NONE
    """What is known of it already: `invalid` or `failed`, and then `outcome` says why."""
    outcome: str = ""
    run_id: int | None = None
    """The run of the model that it came from."""
    from_client: bool = False
    """A client sent it: the same id with another body is refused."""

    def fingerprint(self) -> str:
        """Digest what a client says in it, without its id."""
        body = [self.model, self.symbol, self.action, self.reasoning, _plain(self.confidence)]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


Command = (
    PlaceOrder
    | AmendOrder
    | ClosePosition
    | CancelOrder
    | CancelAllOrders
    | CancelAfter
    | MatchOrder
    | FireTrigger
    | CancelAtDeadline
    | Liquidate
    | TakeOver
    | SettleFunding
    | RecordEquity
    | MoveCash
    | SubmitDecision
)
