"""Every message: what clients send (requests) and what they get (replies and events).

Requests name each field's type and bounds; an unknown field is refused, because a misspelt one that is ignored would
place another order than the one meant. Replies and events may gain keys; clients ignore those that they don't know.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from realtime.protocol.numbers import Number

Id = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
ClientOrderId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
ClientDecisionId = ClientOrderId
DecisionId = Annotated[str, msgspec.Meta(pattern=r"^dec-[0-9]{3,15}\Z")]
Reasoning = Annotated[str, msgspec.Meta(min_length=1, max_length=8_000, pattern=r"^[^\x00]*\Z")]
ModelName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,60}\Z")]
Confidence = Annotated[float, msgspec.Meta(ge=0, le=1)]
OrderType = Literal["market", "limit", "stop_market", "stop_limit", "take_profit_market", "take_profit_limit"]
Timeframe = Literal["1h", "24h", "7d", "30d", "90d", "1y", "all"]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
LARGEST = Decimal("1e12")
PROTOCOL_VERSION = 1


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `data` of a request."""

    @classmethod
    def lacking(cls, given: Mapping[str, object]) -> Sequence[str]:
        """Return the fields that are required besides, seen those that are given."""
        return ()


class Empty(Request, frozen=True):
    """A request that needs no data."""


class Connect(Request, frozen=True):
    """The token that opens the session; none where the handshake carries a logged-in Django session."""

    session_token: str | None = None


class StreamPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a stream: the last event that was seen."""

    epoch: Annotated[str, msgspec.Meta(max_length=16)]
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Subscribe(Request, frozen=True):
    """Channels to follow, of the active account or of one named, and the places to resume from."""

    channels: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(min_length=1, max_length=64)]
    account_id: Id | None = None
    resume: Annotated[dict[str, StreamPosition], msgspec.Meta(max_length=64)] | None = None


class Unsubscribe(Request, frozen=True):
    """Channels to leave; none named: all."""

    channels: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=64)] | None = None
    account_id: Id | None = None


class SwitchUser(Request, frozen=True):
    """The user to act as."""

    user_id: Id


class SwitchAccount(Request, frozen=True):
    """The account to make the active one."""

    account_id: Id


class GetSnapshot(Request, frozen=True):
    """The account to read; none named: the active one."""

    account_id: Id | None = None


class GetAssetCurve(Request, frozen=True):
    """The timeframe and the account to read; none named: the active one."""

    timeframe: Timeframe
    account_id: Id | None = None


class GetLeaderboard(Request, frozen=True):
    """The timeframe to compare accounts over."""

    timeframe: Timeframe


class Bracket(Request, frozen=True):
    """A stop loss or take profit that comes with an order. Without a price it goes to the market when it fires."""

    trigger_price: Decimal
    price: Decimal | None = None


class PlaceOrder(Request, frozen=True):
    """An order. Sizes in units of the symbol, prices in USDC; numbers as JSON numbers or as strings."""

    account_id: Id
    symbol: Symbol
    side: Literal["buy", "sell"]
    order_type: OrderType
    size: Decimal | msgspec.UnsetType = msgspec.UNSET
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: Literal["gtc", "ioc", "alo"] | None = None
    reduce_only: bool = False
    leverage: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None
    margin_mode: Literal["cross", "isolated"] | None = None
    client_order_id: ClientOrderId | None = None
    stop_loss: Bracket | None = None
    take_profit: Bracket | None = None
    decision_id: DecisionId | None = None

    @classmethod
    def lacking(cls, given: Mapping[str, object]) -> Sequence[str]:
        """Only a reduce-only trigger may have no size: it then follows the position."""
        follows = given.get("reduce_only") is True and given.get("order_type") not in ("market", "limit")
        return () if "size" in given or follows else ("size",)


class SubmitDecision(Request, frozen=True):
    """What a model outside decided about a symbol, and why."""

    account_id: Id
    symbol: Symbol
    decision: Literal["buy", "sell", "hold", "close"]
    reasoning: Reasoning
    confidence: Confidence | None = None
    model: ModelName | None = None
    client_decision_id: ClientDecisionId | None = None


class AmendOrder(Request, frozen=True):
    """The order to change, by one of its two names, and the figures that are to be others."""

    account_id: Id
    order_id: Id | None = None
    client_order_id: ClientOrderId | None = None
    size: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None


class ClosePosition(Request, frozen=True):
    """The position to close, at the market."""

    account_id: Id
    symbol: Symbol
    client_order_id: ClientOrderId | None = None


class CancelOrder(Request, frozen=True):
    """The order to cancel, by one of its two names."""

    account_id: Id
    order_id: Id | None = None
    client_order_id: ClientOrderId | None = None


class CancelAllOrders(Request, frozen=True):
    """The account whose open orders to cancel; with a symbol only those of it."""

    account_id: Id
    symbol: Symbol | None = None


class CancelAfter(Request, frozen=True):
    """In how many seconds to cancel all orders, unless this comes again before; 0: not at all."""

    account_id: Id
    timeout_s: Annotated[float, msgspec.Meta(ge=0, le=604_800)]


class Reply(msgspec.Struct, frozen=True):
    """The `data` of a reply or an event."""


class UserData(Reply, frozen=True):
    """A user."""

    id: int
    username: str


class StreamHead(Reply, frozen=True, omit_defaults=True):
    """Where a stream stands. `recovered` and `replayed` answer a `resume`."""

    epoch: str
    seq: int
    recovered: bool | None = None
    replayed: int | None = None


class Connected(Reply, frozen=True):
    """Who the session is, what it may do, and this server's limits."""

    session_id: str
    user: UserData
    account_id: int | None
    scopes: list[str]
    expires_at: Timestamp | None
    server_time: Timestamp
    limits: dict[str, int | float]
    protocol: int = PROTOCOL_VERSION


class AccountData(Reply, frozen=True):
    """An account, as the active user sees it."""

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
    timestamp: Timestamp


class SnapshotPosition(PositionData, frozen=True, kw_only=True):
    """An open position at its mark, with the mark at which it would be liquidated."""

    liquidation_price: Number | None


class OrderData(Reply, frozen=True):
    """An order as it stands now. The latest one counts."""

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
    trigger_price: Number | None
    triggered_at: Timestamp | None
    parent_order_id: int | None
    whole_position: bool
    decision_id: str | None
    created_at: Timestamp
    timestamp: Timestamp


class Bootstrap(Reply, frozen=True):
    """All accounts that the active user may see, and what the active one holds."""

    accounts: list[AccountData]
    positions: list[SnapshotPosition]
    active_orders: list[OrderData]
    account_id: int | None
    as_of: dict[str, StreamHead]


class UserSwitched(Reply, frozen=True):
    """Whose accounts the session sees from now on, and where the new active account's streams stood."""

    user: UserData
    account_id: int | None
    accounts: list[AccountData]
    as_of: dict[str, StreamHead]


class AccountSwitched(Reply, frozen=True):
    """The new active account, and where its streams stood at the switch."""

    account_id: int
    as_of: dict[str, StreamHead]


class Subscribed(Reply, frozen=True, omit_defaults=True):
    """`streams` tells where each durable channel stands: the next event follows that."""

    channels: list[str]
    streams: dict[str, StreamHead]
    rejected: dict[str, str] = {}
    account_id: int | None = None


class Unsubscribed(Reply, frozen=True, omit_defaults=True):
    """The channels left over."""

    channels: list[str]
    account_id: int | None = None


class Pong(Reply, frozen=True):
    """The server's time."""

    server_time: Timestamp


class Snapshot(Reply, frozen=True):
    """What an account is worth and holds, read in one moment."""

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
    timestamp: Timestamp


class CurvePoint(Reply, frozen=True):
    """What an account was worth at one time."""

    timestamp: Timestamp
    equity: Number
    daily_pnl: Number
    daily_return_pct: Number | None


class AssetCurve(Reply, frozen=True):
    """An account's equity over time, oldest first, the last point now."""

    account_id: int
    timeframe: str
    points: list[CurvePoint]


class StandingData(Reply, frozen=True):
    """How an account did over a timeframe, and what it risks now."""

    account_id: int
    name: str
    status: str
    model: str | None
    owner: UserData
    equity: Number
    return_pct: Number | None
    max_drawdown_pct: Number
    sharpe: Number | None
    win_rate_pct: Number | None
    trades: int
    fees: Number
    gross_exposure: Number
    open_risk: Number | None


class Leaderboard(Reply, frozen=True):
    """The accounts that the active user may see, the best return first."""

    timeframe: str
    standings: list[StandingData]
    timestamp: Timestamp


class OrderPlaced(Reply, frozen=True):
    """What became of an order by the time of the answer. It is on disk."""

    order_id: int
    client_order_id: str | None
    status: str
    filled_size: Number
    average_price: Number | None
    duplicate: bool
    reason: str | None


class DecisionSubmitted(Reply, frozen=True):
    """The decision as it was taken down. It is on disk, and told in `model_chat`."""

    decision_id: str
    client_decision_id: str | None
    duplicate: bool


class OrderAmended(Reply, frozen=True):
    """The order as it stands after the change. It is on disk."""

    order_id: int
    client_order_id: str | None
    status: str
    size: Number
    price: Number | None
    trigger_price: Number | None
    filled_size: Number
    average_price: Number | None
    reason: str | None


class DeadlineSet(Reply, frozen=True):
    """When all orders will be canceled, or null: not at all."""

    trigger_time: Timestamp | None


class OrderCanceled(Reply, frozen=True):
    """The canceled order, and how much of it was filled before."""

    order_id: int
    client_order_id: str | None
    status: str
    filled_size: Number


class OrdersCanceled(Reply, frozen=True):
    """The orders that were canceled."""

    canceled: list[int]
    failed: list[int]


class SessionExpiring(Reply, frozen=True):
    """The session ends soon: `connect` again with a fresh token."""

    expires_at: Timestamp


class ServerShutdown(Reply, frozen=True):
    """The server stops: it closes with 4001 next. Wait as long as told, then connect again and resume."""

    reconnect_after_ms: int


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
    timestamp: Timestamp
    order_id: int
    client_order_id: str | None
    fee: Number
    liquidity: str
    fill_quality: str
    decision_id: str | None
    liquidation: bool


class ModelChatUpdate(Reply, frozen=True):
    """A model's decision, its reasons, and what became of it."""

    decision_id: str
    account_id: int
    symbol: str
    decision: str
    reasoning: str
    timestamp: Timestamp
    model: str
    confidence: Number | None
    order_id: int | None
    outcome: str


class AssetCurveUpdate(Reply, frozen=True):
    """What the account is worth. `balance` is its cash, `equity` that plus unrealised PnL."""

    account_id: int
    timestamp: Timestamp
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
    timestamp: Timestamp
