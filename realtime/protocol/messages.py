"""Every message: what clients send (requests) and what they get (replies and events).

Requests name each field's type and bounds; an unknown field is refused, because a misspelt one that is ignored would
place another order than the one meant. Replies and events may gain keys; clients ignore those that they don't know.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from realtime.protocol.numbers import Number

Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
ClientOrderId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
Timeframe = Literal["1h", "24h", "7d", "30d", "90d", "1y", "all"]
LARGEST = Decimal("1e12")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `data` of a request."""


class Empty(Request, frozen=True):
    """A request that needs no data."""


class Connect(Request, frozen=True):
    session_token: str | None = None


class StreamPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a stream: the last event that was seen."""

    epoch: Annotated[str, msgspec.Meta(max_length=16)]
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Subscribe(Request, frozen=True):
    channels: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(min_length=1, max_length=64)]
    account_id: Id | None = None
    resume: Annotated[dict[str, StreamPosition], msgspec.Meta(max_length=64)] | None = None


class Unsubscribe(Request, frozen=True):
    channels: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=64)] | None = None
    account_id: Id | None = None


class SwitchUser(Request, frozen=True):
    user_id: Id


class SwitchAccount(Request, frozen=True):
    account_id: Id


class GetSnapshot(Request, frozen=True):
    account_id: Id | None = None


class GetAssetCurve(Request, frozen=True):
    timeframe: Timeframe
    account_id: Id | None = None


class PlaceOrder(Request, frozen=True):
    """Sizes in units of the symbol, prices in USDC. Numbers may be given as JSON numbers or as strings."""

    account_id: Id
    symbol: Symbol
    side: Literal["buy", "sell"]
    size: Decimal
    order_type: Literal["market", "limit"]
    price: Decimal | None = None
    time_in_force: Literal["gtc", "ioc", "alo"] | None = None
    reduce_only: bool = False
    leverage: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None
    client_order_id: ClientOrderId | None = None


class CancelOrder(Request, frozen=True):
    account_id: Id
    order_id: Id | None = None
    client_order_id: ClientOrderId | None = None


class CancelAllOrders(Request, frozen=True):
    account_id: Id
    symbol: Symbol | None = None


class Reply(msgspec.Struct, frozen=True):
    """The `data` of a reply or an event."""


class UserData(Reply, frozen=True):
    id: int
    username: str


class StreamHead(Reply, frozen=True, omit_defaults=True):
    """Where a stream stands. `recovered` and `replayed` answer a `resume`."""

    epoch: str
    seq: int
    recovered: bool | None = None
    replayed: int | None = None


class Connected(Reply, frozen=True):
    session_id: str
    user: UserData
    account_id: int | None
    scopes: list[str]
    expires_at: datetime | None
    server_time: datetime
    limits: dict[str, int | float]
    protocol: int = 1


class AccountData(Reply, frozen=True):
    id: int
    name: str
    status: str
    model: str | None
    owner: UserData
    role: str
    starting_capital: Number
    balance: Number


class PositionData(Reply, frozen=True):
    """An open position at its mark. `size` 0 with the last side: closed."""

    account_id: int
    symbol: str
    side: str
    size: Number
    entry_price: Number
    mark_price: Number
    unrealized_pnl: Number
    realized_pnl: Number
    position_value: Number
    margin_used: Number
    return_on_equity: Number
    leverage: int
    margin_mode: str
    timestamp: datetime


class SnapshotPosition(PositionData, frozen=True, kw_only=True):
    liquidation_price: Number | None


class OrderData(Reply, frozen=True):
    order_id: int
    client_order_id: str | None
    account_id: int
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    size: Number
    price: Number | None
    status: str
    reason: str | None
    filled_size: Number
    average_price: Number | None
    reduce_only: bool
    leverage: int
    decision_id: str | None
    created_at: datetime
    timestamp: datetime


class Bootstrap(Reply, frozen=True):
    accounts: list[AccountData]
    positions: list[SnapshotPosition]
    active_orders: list[OrderData]
    account_id: int | None
    as_of: dict[str, StreamHead]


class UserSwitched(Reply, frozen=True):
    user: UserData
    account_id: int | None
    accounts: list[AccountData]
    as_of: dict[str, StreamHead]


class AccountSwitched(Reply, frozen=True):
    account_id: int
    as_of: dict[str, StreamHead]


class Subscribed(Reply, frozen=True, omit_defaults=True):
    """`streams` tells where each durable channel stands: the next event follows that."""

    channels: list[str]
    streams: dict[str, StreamHead]
    rejected: dict[str, str] = {}
    account_id: int | None = None


class Unsubscribed(Reply, frozen=True, omit_defaults=True):
    channels: list[str]
    account_id: int | None = None


class Pong(Reply, frozen=True):
    server_time: datetime


class Snapshot(Reply, frozen=True):
    account_id: int
    equity: Number
    balance: Number
    unrealized_pnl: Number
    margin_used: Number
    withdrawable: Number
    daily_pnl: Number
    daily_return_pct: Number | None
    positions: list[SnapshotPosition]
    active_orders: list[OrderData]
    as_of: dict[str, StreamHead]
    timestamp: datetime


class CurvePoint(Reply, frozen=True):
    timestamp: datetime
    equity: Number
    daily_pnl: Number
    daily_return_pct: Number | None


class AssetCurve(Reply, frozen=True):
    account_id: int
    timeframe: str
    points: list[CurvePoint]


class OrderPlaced(Reply, frozen=True):
    order_id: int
    client_order_id: str | None
    status: str
    filled_size: Number
    average_price: Number | None
    duplicate: bool
    reason: str | None


class OrderCanceled(Reply, frozen=True):
    order_id: int
    client_order_id: str | None
    status: str
    filled_size: Number


class OrdersCanceled(Reply, frozen=True):
    canceled: list[int]
    failed: list[int]


class SessionExpiring(Reply, frozen=True):
    expires_at: datetime


class TradeUpdate(Reply, frozen=True):
    """One fill. `pnl` is realised, gross of the fee; null where the fill closed nothing."""

    trade_id: int
    account_id: int
    symbol: str
    side: str
    status: str
    price: Number
    size: Number
    pnl: Number | None
    timestamp: datetime
    order_id: int
    client_order_id: str | None
    fee: Number
    liquidity: str
    fill_quality: str
    decision_id: str | None


class ModelChatUpdate(Reply, frozen=True):
    decision_id: str
    account_id: int
    symbol: str
    decision: str
    reasoning: str
    timestamp: datetime
    model: str
    confidence: Number | None
    order_id: int | None
    outcome: str


class AssetCurveUpdate(Reply, frozen=True):
    """What the account is worth. `balance` is its cash, `equity` that plus unrealised PnL."""

    account_id: int
    timestamp: datetime
    equity: Number
    balance: Number
    daily_pnl: Number
    daily_return_pct: Number | None


class PriceUpdate(Reply, frozen=True):
    """The mark of a symbol; `bid` and `ask` where the market gives a book."""

    symbol: str
    mark_price: Number
    oracle_price: Number | None
    bid: Number | None
    ask: Number | None
    timestamp: datetime
