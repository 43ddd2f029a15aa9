"""What a decided command did, in order. Each fact holds the whole new value, so it can be written and told as it is."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.enums import Action, DecisionStatus, FillQuality, LedgerKind, Liquidity, Side, TradeStatus
from trading.domain.equity import EquityPoint
from trading.domain.orders import Order
from trading.domain.positions import Position


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """`told` False: nothing of it that anybody is told has changed."""

    order: Order
    created: bool
    told: bool = True


@dataclass(frozen=True, slots=True)
class TradeExecuted:
    """One fill. Price, fee and pnl in USDC; `pnl` is gross of the fee and None where the fill closed nothing."""

    order_ref: int
    symbol: str
    side: Side
    price: Decimal
    size: Decimal
    fee: Decimal
    pnl: Decimal | None
    start_position: Decimal
    liquidity: Liquidity
    fill_quality: FillQuality
    at: datetime
    liquidation: bool = False

    @property
    def status(self) -> TradeStatus:
        return TradeStatus.FILLED if self.pnl is None else TradeStatus.CLOSED


@dataclass(frozen=True, slots=True)
class PositionChanged:
    position: Position
    mark: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Cash moved other than by a fill. `balance` is the cash after it; `key`, where there is one, happens once."""

    kind: LedgerKind
    amount: Decimal
    balance: Decimal
    reason: str
    at: datetime
    key: str | None = None


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Something of the account itself changed that nobody is told of, as its deadline."""


@dataclass(frozen=True, slots=True)
class EquityRecorded:
    point: EquityPoint


@dataclass(frozen=True, slots=True)
class DecisionRecorded:
    """`ref` is negative: the row is not written yet. `order_ref` names the order that followed, if one did."""

    ref: int
    model: str
    symbol: str
    action: Action
    reasoning: str
    confidence: Decimal | None
    outcome: str
    client_decision_id: str | None
    order_ref: int | None
    at: datetime
    facts: dict[str, Any] = field(default_factory=dict)
    status: DecisionStatus = DecisionStatus.NONE
    decided_at: datetime | None = None
    mark: Decimal | None = None
    """The mark that it was decided on, USDC."""
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionFollowed:
    """What became of an earlier decision, of id `ref`, when an order was to follow: `order_ref`, None if refused."""

    ref: int
    status: DecisionStatus
    outcome: str
    order_ref: int | None


Fact = (
    OrderChanged
    | TradeExecuted
    | PositionChanged
    | CashMoved
    | AccountChanged
    | EquityRecorded
    | DecisionRecorded
    | DecisionFollowed
)
