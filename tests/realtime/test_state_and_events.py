"""State before + events = state after, with the exact number of events, for every command."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from realtime.orm import in_orm
from tests.builders import a_token, an_account, an_order, execute, set_price
from tests.serving import Client, Message, Server, client
from trading.domain.commands import (
    AmendOrder,
    Bracket,
    CancelAfter,
    CancelAllOrders,
    CancelAtDeadline,
    CancelOrder,
    ClosePosition,
    Command,
    FireTrigger,
    MatchOrder,
    MoveCash,
    PlaceOrder,
    RecordEquity,
    SubmitDecision,
)
from trading.domain.enums import Action, LedgerKind, OrderType, TimeInForce
from trading.models import Order

pytestmark = pytest.mark.django_db(transaction=True)
CHANNELS = ["trades", "positions", "model_chat", "asset_curve", "orders"]
DERIVED = {"margin_used", "withdrawable", "unrealized_pnl", "as_of", "timestamp"}
"""Figures of a snapshot that clients work out from the others and the marks."""
LONG_AGO, NEVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
BOOK = {"bids": [["68499", "0.02"], ["68490", "1"]], "asks": [["68501", "0.02"], ["68510", "1"]]}


def with_position(account: Account) -> None:
    execute(account, an_order("0.05"))


def with_resting_orders(account: Account) -> None:
    with_position(account)
    execute(account, an_order(price="60000", client_order_id="rests"), an_order(side="sell", price="70000"))


def open_order(account: Account) -> int:
    return Order.objects.filter(account=account, status="open").order_by("id").values_list("pk", flat=True)[0]


def reached(account: Account) -> list[Command]:
    set_price("BTC", "59000", [["58999", "5"]], [["59001", "5"]])
    return [MatchOrder(open_order(account))]


def a_stop() -> PlaceOrder:
    stop = an_order("1", "sell", order_type=OrderType.STOP_MARKET, trigger_price=Decimal(68_000), reduce_only=True)
    return replace(stop, size=None)


def with_brackets(account: Account) -> None:
    execute(account, bracketed())


def with_stop(account: Account) -> None:
    with_position(account)
    execute(account, a_stop())


def fires(account: Account) -> list[Command]:
    set_price("BTC", "68000", [["67999", "0.02"], ["67990", "1"]], [["68001", "1"]])
    return [FireTrigger(Order.objects.get(account=account, status="pending_trigger").pk)]


def bracketed() -> PlaceOrder:
    return an_order("0.01", stop_loss=Bracket(Decimal(68_000)), take_profit=Bracket(Decimal(69_000)))


Prepare = Callable[[Account], None]
CASES: dict[str, tuple[Prepare, Callable[[Account], list[Command]], dict[str, int]]] = {
    "a market order opens": (
        lambda _: None,
        lambda _: [an_order("0.01")],
        {"order_update": 1, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "a market order walks two levels": (
        lambda _: None,
        lambda _: [an_order("0.03")],
        {"order_update": 1, "trade_update": 2, "position_update": 1, "asset_curve_update": 1},
    ),
    "an order adds": (
        with_position,
        lambda _: [an_order("0.01")],
        {"order_update": 1, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "an order reduces": (
        with_position,
        lambda _: [an_order("0.01", "sell")],
        {"order_update": 1, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "an order closes": (
        with_position,
        lambda _: [an_order("9", "sell", reduce_only=True)],
        {"order_update": 1, "trade_update": 2, "position_update": 1, "asset_curve_update": 1},
    ),
    "an order flips": (
        with_position,
        lambda _: [an_order("0.08", "sell")],
        {"order_update": 1, "trade_update": 2, "position_update": 1, "asset_curve_update": 1},
    ),
    "a limit order rests": (lambda _: None, lambda _: [an_order(price="60000")], {"order_update": 1}),
    "a limit order fills in part and rests": (
        lambda _: None,
        lambda _: [an_order("0.05", price="68501")],
        {"order_update": 1, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "an immediate order fills in part": (
        lambda _: None,
        lambda _: [an_order("0.05", price="68501", time_in_force=TimeInForce.IOC)],
        {"order_update": 1, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "an order changes the leverage": (
        with_position,
        lambda _: [an_order(price="60000", leverage=20)],
        {"order_update": 1, "position_update": 1},
    ),
    "an order is canceled": (
        with_resting_orders,
        lambda a: [CancelOrder(order_id=open_order(a))],
        {"order_update": 1},
    ),
    "an order is canceled by its client id": (
        with_resting_orders,
        lambda _: [CancelOrder(client_order_id="rests")],
        {"order_update": 1},
    ),
    "all orders are canceled": (with_resting_orders, lambda _: [CancelAllOrders()], {"order_update": 2}),
    "a resting order fills": (
        with_resting_orders,
        reached,
        {"order_update": 1, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "a stop waits": (with_position, lambda _: [a_stop()], {"order_update": 1}),
    "a stop fires": (
        with_stop,
        fires,
        {"order_update": 1, "trade_update": 2, "position_update": 1, "asset_curve_update": 1},
    ),
    "an order comes with brackets": (
        lambda _: None,
        lambda _: [bracketed()],
        {"order_update": 3, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "brackets end with the position": (
        with_brackets,
        lambda _: [ClosePosition("BTC")],
        {"order_update": 3, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "a stop follows the position": (
        with_stop,
        lambda _: [an_order("0.01")],
        {"order_update": 2, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "an order is amended": (
        with_resting_orders,
        lambda a: [AmendOrder(open_order(a), size=Decimal("0.02"))],
        {"order_update": 1},
    ),
    "an amended order crosses": (
        with_resting_orders,
        lambda a: [AmendOrder(open_order(a), price=Decimal(68_501))],
        {"order_update": 1, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
    "a deadline is set": (with_resting_orders, lambda _: [CancelAfter(NEVER)], {}),
    "the deadline passes": (
        with_resting_orders,
        lambda _: [CancelAfter(LONG_AGO), CancelAtDeadline()],
        {"order_update": 2},
    ),
    "a decision holds": (
        lambda _: None,
        lambda _: [SubmitDecision("rsi", "BTC", Action.HOLD, "RSI neutral at 50")],
        {"model_chat_update": 1},
    ),
    "a decision trades": (
        lambda _: None,
        lambda _: [SubmitDecision("rsi", "BTC", Action.BUY, "RSI oversold at 28", order=an_order())],
        {
            "model_chat_update": 1,
            "order_update": 1,
            "trade_update": 1,
            "position_update": 1,
            "asset_curve_update": 1,
        },
    ),
    "a decision is refused": (
        lambda _: None,
        lambda _: [
            SubmitDecision("rsi", "BTC", Action.BUY, "RSI oversold at 28", order=an_order("900", price="68000"))
        ],
        {"model_chat_update": 1},
    ),
    "cash is deposited": (
        with_position,
        lambda _: [MoveCash(LedgerKind.DEPOSIT, Decimal(500))],
        {"asset_curve_update": 1},
    ),
    "cash is withdrawn": (
        with_position,
        lambda _: [MoveCash(LedgerKind.WITHDRAWAL, Decimal(-500))],
        {"asset_curve_update": 1},
    ),
    "equity is recorded": (with_position, lambda _: [RecordEquity()], {"asset_curve_update": 1}),
    "a request is refused": (with_position, lambda _: [an_order("900", price="68000")], {}),
    "a retry does nothing": (
        with_resting_orders,
        lambda _: [an_order(price="60000", client_order_id="rests")],
        {},
    ),
    "several commands in one batch": (
        lambda _: None,
        lambda _: [an_order("0.01"), an_order(price="60000", client_order_id="x"), CancelOrder(client_order_id="x")],
        {"order_update": 3, "trade_update": 1, "position_update": 1, "asset_curve_update": 1},
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_state_and_events_make_the_new_state(name: str, server: Server) -> None:
    prepare, commands, expected = CASES[name]
    account, token = await in_orm(_world, prepare)
    async with client(server, token) as socket:
        before = (await socket.request("get_snapshot", account_id=account.pk))["data"]
        await socket.request("subscribe", channels=CHANNELS, resume=before["as_of"])
        await in_orm(lambda: execute(account, *commands(account)))
        after = (await socket.request("get_snapshot", account_id=account.pk))["data"]
        events = await events_up_to(socket, before["as_of"], after["as_of"])
    assert Counter(event["type"] for event in events) == expected
    assert comparable(applied(before, events)) == comparable(after)


def _world(prepare: Prepare) -> tuple[Account, str]:
    account = an_account()
    set_price("BTC", "68500", **BOOK)
    prepare(account)
    set_price("BTC", "68500", **BOOK)  # what the preparation took stands again
    return account, a_token(account.owner)


async def events_up_to(socket: Client, start: Message, end: Message) -> list[Message]:
    """Return the durable events between two places of all streams, each once and in order, and none besides."""
    missing = {(channel, seq) for channel, to in end.items() for seq in range(start[channel]["seq"] + 1, to["seq"] + 1)}
    found: list[Message] = []
    last = {channel: place["seq"] for channel, place in start.items()}
    while missing:
        event = socket.events.pop(0) if socket.events else await socket.receive()
        if "seq" not in event:
            continue
        assert event["seq"] == last[event["channel"]] + 1, event
        assert event["epoch"] == end[event["channel"]]["epoch"]
        last[event["channel"]] = event["seq"]
        missing.remove((event["channel"], event["seq"]))
        found.append(event)
    assert [event for event in await socket.settle() if "seq" in event] == []
    return found


def applied(state: Message, events: list[Message]) -> Message:
    """Apply events to a snapshot as a client would."""
    positions = {position["symbol"]: position for position in state["positions"]}
    orders = {order["order_id"]: order for order in state["active_orders"]}
    new = dict(state)
    for event in events:
        data = event["data"]
        match event["type"]:
            case "position_update":
                positions.pop(data["symbol"], None)
                if data["size"]:
                    positions[data["symbol"]] = data
            case "order_update":
                orders.pop(data["order_id"], None)
                if data["status"] in ("open", "partially_filled", "pending_trigger"):
                    orders[data["order_id"]] = data
            case "asset_curve_update":
                new |= {key: data[key] for key in ("equity", "balance", "daily_pnl", "daily_return_pct")}
    return new | {"positions": list(positions.values()), "active_orders": list(orders.values())}


def comparable(state: Message) -> dict[str, Any]:
    """Drop what depends on the account as a whole and on the marks, and order the rest."""
    kept = {key: value for key, value in state.items() if key not in DERIVED}
    marked = {"liquidation_price", "mark_price", "unrealized_pnl", "position_value", "margin_used", "return_on_equity"}
    positions = [{k: v for k, v in position.items() if k not in marked} for position in state["positions"]]
    kept["positions"] = sorted(positions, key=lambda position: position["symbol"])
    kept["active_orders"] = sorted(state["active_orders"], key=lambda order: order["order_id"])
    return kept
