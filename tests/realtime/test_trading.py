"""Triggers, brackets, amending, closing and the dead man's switch over the socket."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account
from realtime.orm import in_orm
from tests.builders import a_token, an_account, set_price
from tests.serving import Server, client

pytestmark = pytest.mark.django_db(transaction=True)
Data = dict[str, Any]


def a_world() -> tuple[Account, str]:
    account = an_account(capital="100000")
    set_price("BTC", "68500")
    return account, a_token(account.owner)


def deadline_of(account: Account) -> datetime | None:
    return Account.objects.get(pk=account.pk).cancel_after


class Trader:
    """Asks for things on one account; remembers nothing."""

    def __init__(self, socket: Any, account: Account) -> None:
        self._socket, self._account = socket, account.pk

    async def __call__(self, kind: str, **data: Any) -> Data:
        reply = await self._socket.request(kind, account_id=self._account, **data)
        assert reply["type"] == kind, reply
        return dict(reply["data"])

    async def refused(self, kind: str, **data: Any) -> Data:
        reply = await self._socket.request(kind, account_id=self._account, **data)
        assert reply["type"] == "error", reply
        return dict(reply["data"])

    async def orders(self) -> list[Data]:
        reply = await self._socket.request("get_snapshot", account_id=self._account)
        return list(reply["data"]["active_orders"])


MARKET: Data = {"symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
LIMIT: Data = {**MARKET, "order_type": "limit", "price": 68000, "client_order_id": "mine"}


async def test_an_order_with_brackets_shows_all_three_as_active(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        trade = Trader(socket, account)
        placed = await trade(
            "place_order",
            **LIMIT,
            stop_loss={"trigger_price": "67000"},
            take_profit={"trigger_price": 70000, "price": 69900},
        )
        parent, stop, profit = await trade.orders()
        assert (parent["order_id"], parent["status"]) == (placed["order_id"], "open")
        assert [each["parent_order_id"] for each in (parent, stop, profit)] == [
            None,
            parent["order_id"],
            parent["order_id"],
        ]
        assert (stop["order_type"], stop["trigger_price"], stop["price"]) == ("stop_market", 67000.0, None)
        assert (profit["order_type"], profit["trigger_price"], profit["price"]) == (
            "take_profit_limit",
            70000.0,
            69900.0,
        )
        assert {each["status"] for each in (stop, profit)} == {"pending_trigger"}
        bootstrap = await socket.request("bootstrap")
        assert len(bootstrap["data"]["active_orders"]) == 3


async def test_a_stop_without_size_follows_the_position(server: Server) -> None:
    account, token = await in_orm(a_world)
    stop: Data = {"symbol": "BTC", "side": "sell", "order_type": "stop_market", "trigger_price": 66000}
    async with client(server, token) as socket:
        trade = Trader(socket, account)
        assert (await trade.refused("place_order", **stop))["fields"] == [{"path": "size", "message": "is required"}]
        assert (await trade.refused("place_order", **stop, reduce_only=True))["reason"] == "reduce_only_rejected"
        await trade("place_order", **MARKET)
        assert (await trade("place_order", **stop, reduce_only=True))["status"] == "pending_trigger"
        await trade("place_order", **MARKET)
        [order] = await trade.orders()
        assert (order["size"], order["whole_position"], order["triggered_at"]) == (0.02, True, None)
        assert (await trade.refused("place_order", **{**stop, "trigger_price": 69000}, size=1))["reason"] == (
            "bad_trigger_px_rejected"
        )


async def test_an_order_is_amended_by_either_name(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        trade = Trader(socket, account)
        order_id = (await trade("place_order", **LIMIT))["order_id"]
        amended = await trade("amend_order", client_order_id="mine", price="67900", size=0.02)
        assert (amended["order_id"], amended["price"], amended["size"], amended["status"]) == (
            order_id, 67900.0, 0.02, "open",
        )  # fmt: skip
        filled = await trade("amend_order", order_id=order_id, price=69000)
        assert (filled["status"], filled["filled_size"]) == ("filled", 0.02)
        assert (await trade.refused("amend_order", order_id=order_id, price=1))["code"] == "not_open"
        assert (await trade.refused("amend_order", order_id=order_id))["code"] == "bad_request"
        assert (await trade.refused("amend_order", price=1))["code"] == "bad_request"
        assert (await trade.refused("amend_order", order_id=999_999, price=1))["code"] == "not_found"


async def test_a_position_is_closed_once(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        trade = Trader(socket, account)
        assert (await trade.refused("close_position", symbol="BTC"))["reason"] == "reduce_only_rejected"
        await trade("place_order", **MARKET)
        closed = await trade("close_position", symbol="BTC", client_order_id="close-1")
        assert (closed["status"], closed["filled_size"], closed["duplicate"]) == ("filled", 0.01, False)
        again = await trade("close_position", symbol="BTC", client_order_id="close-1")
        assert (again["order_id"], again["duplicate"]) == (closed["order_id"], True)


async def test_the_dead_mans_switch_is_kept_on_disk_and_taken_away(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        trade = Trader(socket, account)
        told = datetime.fromisoformat((await trade("cancel_after", timeout_s=30))["trigger_time"])
        assert timedelta(seconds=20) < told - datetime.now(UTC) <= timedelta(seconds=30)
        assert await in_orm(deadline_of, account) == told
        assert await trade("cancel_after", timeout_s=0) == {"trigger_time": None}
        assert await in_orm(deadline_of, account) is None
        for wrong in (-1, 604_801, "x", None):
            assert (await trade.refused("cancel_after", timeout_s=wrong))["code"] == "bad_request"


async def test_only_those_who_may_trade_amend_close_and_set_deadlines(server: Server) -> None:
    account, _ = await in_orm(a_world)
    reader = await in_orm(lambda: a_token(account.owner, scope="read"))
    asked: list[tuple[str, Data]] = [
        ("amend_order", {"order_id": 1, "size": 1}),
        ("close_position", {"symbol": "BTC"}),
        ("cancel_after", {"timeout_s": 1}),
    ]
    async with client(server, reader) as socket:
        for kind, data in asked:
            assert (await Trader(socket, account).refused(kind, **data))["code"] == "forbidden"
