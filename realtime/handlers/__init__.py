"""What each message does: a table from its type to the structs of its data and answer, its needs, and the function."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from realtime.connection import Connection
from realtime.handlers import candles, history, previewing, reading, sessions, subscriptions, trading
from realtime.handlers.answer import Answer
from realtime.protocol import history as asked
from realtime.protocol import messages
from realtime.protocol.candles import Candles, GetCandles
from realtime.protocol.previewing import OrderPreview, PreviewOrder

__all__ = ["ROUTES", "Answer", "Lane", "Route"]


class Lane(Enum):
    """SESSION: changes the session; runs alone, and later requests wait for it. FREE: runs beside others.

    READ: beside others too, but few at a time of one connection, so that one reader can't take all threads.
    """

    SESSION = "session"
    READ = "read"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Route:
    reply: str
    struct: type[msgspec.Struct]
    answer: type[messages.Reply]
    run: Callable[[Connection, Any], Awaitable[Answer]]
    lane: Lane = Lane.FREE
    needs_session: bool = True


ROUTES: dict[str, Route] = {
    "connect": Route(
        "connect", messages.Connect, messages.Connected, sessions.connect, Lane.SESSION, needs_session=False
    ),
    "bootstrap": Route("bootstrap", messages.Empty, messages.Bootstrap, reading.bootstrap, Lane.READ),
    "subscribe": Route("subscribe", messages.Subscribe, messages.Subscribed, subscriptions.subscribe, Lane.SESSION),
    "unsubscribe": Route(
        "unsubscribe", messages.Unsubscribe, messages.Unsubscribed, subscriptions.unsubscribe, Lane.SESSION
    ),
    "switch_user": Route("switch_user", messages.SwitchUser, messages.UserSwitched, sessions.switch_user, Lane.SESSION),
    "switch_account": Route(
        "switch_account", messages.SwitchAccount, messages.AccountSwitched, sessions.switch_account, Lane.SESSION
    ),
    "get_snapshot": Route("snapshot", messages.GetSnapshot, messages.Snapshot, reading.get_snapshot, Lane.READ),
    "get_asset_curve": Route(
        "asset_curve", messages.GetAssetCurve, messages.AssetCurve, reading.get_asset_curve, Lane.READ
    ),
    "get_leaderboard": Route(
        "leaderboard", messages.GetLeaderboard, messages.Leaderboard, reading.get_leaderboard, Lane.READ
    ),
    "get_instruments": Route(
        "instruments", asked.GetInstruments, asked.Instruments, history.get_instruments, Lane.READ
    ),
    "get_trades": Route("trades", asked.GetTrades, asked.Trades, history.get_trades, Lane.READ),
    "get_orders": Route("orders", asked.GetOrders, asked.Orders, history.get_orders, Lane.READ),
    "get_decisions": Route("decisions", asked.GetDecisions, asked.Decisions, history.get_decisions, Lane.READ),
    "get_ledger": Route("ledger", asked.GetLedger, asked.Ledger, history.get_ledger, Lane.READ),
    "get_funding": Route("funding", asked.GetFunding, asked.Funding, history.get_funding, Lane.READ),
    "get_users": Route("users", asked.GetUsers, asked.Users, history.get_users, Lane.READ),
    "get_candles": Route("candles", GetCandles, Candles, candles.get_candles, Lane.READ),
    "place_order": Route("place_order", messages.PlaceOrder, messages.OrderPlaced, trading.place_order),
    "preview_order": Route("preview_order", PreviewOrder, OrderPreview, previewing.preview_order, Lane.READ),
    "amend_order": Route("amend_order", messages.AmendOrder, messages.OrderAmended, trading.amend_order),
    "close_position": Route("close_position", messages.ClosePosition, messages.OrderPlaced, trading.close_position),
    "cancel_order": Route("cancel_order", messages.CancelOrder, messages.OrderCanceled, trading.cancel_order),
    "cancel_all_orders": Route(
        "cancel_all_orders", messages.CancelAllOrders, messages.OrdersCanceled, trading.cancel_all_orders
    ),
    "submit_decision": Route(
        "submit_decision", messages.SubmitDecision, messages.DecisionSubmitted, trading.submit_decision
    ),
    "cancel_after": Route("cancel_after", messages.CancelAfter, messages.DeadlineSet, trading.cancel_after),
}
