"""Garbage gets one clear error each, the socket lives on, and nothing changes."""

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from accounts.models import Account
from realtime.models import Event
from realtime.orm import in_orm
from tests.builders import a_token, an_account, an_order, done, set_price
from tests.serving import Server, client
from trading.models import Order, Trade

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(transactional_db: None) -> Account:
    account = an_account()
    set_price()
    done(account, an_order(price="60000", client_order_id="used"))
    return account


def everything(account: Account) -> tuple[object, ...]:
    account.refresh_from_db()
    rows = (Order.objects.count(), Trade.objects.count(), Event.objects.count())
    return (*rows, account.cash, list(Order.objects.values_list("status", flat=True)))


ORDER = {"symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
FRAMES: dict[str, tuple[str | bytes, str]] = {
    "bad JSON": ("{nonsense", "bad_json"),
    "nothing": ("", "bad_json"),
    "NaN": ('{"type":"place_order","request_id":"x","data":{"size":NaN}}', "bad_json"),
    "binary": (b"\x00\x01\x02", "bad_request"),
    "an array": ("[1,2,3]", "bad_request"),
    "1,000 nested arrays": ("[" * 1_000 + "]" * 1_000, "bad_request"),
    "1,000 nested arrays as data": (
        '{"type":"place_order","request_id":"x","data":' + "[" * 1_000 + "]" * 1_000 + "}",
        "bad_json",
    ),
    "a request id of 10 kB": (json.dumps({"type": "ping", "request_id": "x" * 10_000}), "bad_request"),
    "an unknown type": ('{"type":"place_odrer","request_id":"x"}', "unknown_type"),
    "no data": ('{"type":"place_order","request_id":"x"}', "bad_request"),
    "a lone surrogate": ('{"type":"\\ud800","request_id":"x"}', "bad_json"),
    "a NUL in the symbol": (
        '{"type":"place_order","request_id":"x","data":{"account_id":ACCOUNT,"symbol":"\\u0000","side":"buy","size":1,'
        '"order_type":"market"}}',
        "unknown_symbol",
    ),
}


@pytest.mark.parametrize("name", FRAMES)
async def test_a_bad_frame_gets_one_error_and_changes_nothing(name: str, account: Account, server: Server) -> None:
    frame, code = FRAMES[name]
    before, token = await in_orm(lambda: (everything(account), a_token(account.owner)))
    async with client(server, token) as socket:
        await socket.connection.send(frame.replace("ACCOUNT", str(account.pk)) if isinstance(frame, str) else frame)
        answers = [await socket.receive()]
        answers += await socket.settle()
    assert [answer["type"] for answer in answers] == ["error"]
    assert answers[0]["data"]["code"] == code
    assert answers[0]["data"]["message"]
    assert set(answers[0]["data"]) >= {"code", "message", "in_reply_to", "fields", "retry_after_ms"}
    assert await in_orm(everything, account) == before


ORDERS: dict[str, tuple[dict[str, object], str, str | None]] = {
    "negative size": ({"size": -1}, "bad_request", "size"),
    "no size": ({"size": 0}, "bad_request", "size"),
    "infinite size": ({"size": "Infinity"}, "bad_request", "size"),
    "size as NaN": ({"size": "NaN"}, "bad_request", "size"),
    "huge size": ({"size": "1e999"}, "bad_request", "size"),
    "dust": ({"size": 0.0000001}, "order_rejected", "size"),
    "below the least notional": ({"size": 0.0001}, "order_rejected", "size"),
    "beyond the margin": ({"size": 5, "order_type": "limit", "price": 68000}, "insufficient_margin", "size"),
    "unknown symbol": ({"symbol": "DOGE"}, "unknown_symbol", "symbol"),
    "unknown side": ({"side": "long"}, "bad_request", "side"),
    "unknown order type": ({"order_type": "stop"}, "bad_request", "order_type"),
    "trigger price with a market order": ({"trigger_price": 60000}, "order_rejected", "trigger_price"),
    "stop without its trigger": ({"order_type": "stop_market"}, "order_rejected", "trigger_price"),
    "price with a market order": ({"price": 68000}, "order_rejected", "price"),
    "limit without price": ({"order_type": "limit"}, "order_rejected", "price"),
    "price off the tick": ({"order_type": "limit", "price": 68000.55}, "order_rejected", "price"),
    "leverage beyond the most": ({"leverage": 41}, "order_rejected", "leverage"),
    "unknown field": ({"stop_los": {"trigger_price": 1}}, "bad_request", "stop_los"),
    "unknown field within": ({"stop_loss": {"price": 1, "x": 1}}, "bad_request", "stop_loss.x"),
    "bracket of words": ({"stop_loss": {"trigger_price": "x"}}, "bad_request", "stop_loss.trigger_price"),
    "no bracket at all": ({"stop_loss": 7}, "bad_request", "stop_loss"),
    "bracket below 0": ({"stop_loss": {"trigger_price": -1}}, "bad_request", "stop_loss.trigger_price"),
    "stop loss above the market": (
        {"stop_loss": {"trigger_price": 99999}},
        "order_rejected",
        "stop_loss.trigger_price",
    ),
    "bad client order id": ({"client_order_id": "a b"}, "bad_request", "client_order_id"),
    "client order id of another order": ({"client_order_id": "used"}, "duplicate_client_order_id", "client_order_id"),
    "nothing to reduce": ({"reduce_only": True}, "order_rejected", "reduce_only"),
    "huge account id": ({"account_id": 2**63}, "bad_request", "account_id"),
    "account id as string": ({"account_id": "1"}, "bad_request", "account_id"),
}


@pytest.mark.parametrize("name", ORDERS)
async def test_a_bad_order_is_refused_at_its_field_and_changes_nothing(
    name: str, account: Account, server: Server
) -> None:
    change, code, path = ORDERS[name]
    before, token = await in_orm(lambda: (everything(account), a_token(account.owner)))
    async with client(server, token) as socket:
        reply = await socket.request("place_order", **{**ORDER, "account_id": account.pk, **change})
        assert (await socket.request("ping"))["type"] == "pong"
    assert (reply["type"], reply["data"]["code"]) == ("error", code)
    assert reply["data"]["in_reply_to"] == "place_order"
    assert path in [field["path"] for field in reply["data"]["fields"]]
    assert await in_orm(everything, account) == before


async def test_a_frame_over_64_kib_closes_only_its_own_socket(account: Account, server: Server) -> None:
    token = await in_orm(a_token, account.owner)
    async with client(server, token) as other, client(server, token) as socket:
        await socket.connection.send("x" * 70_000)
        with pytest.raises(ConnectionClosed):
            await socket.receive()
        assert await socket.close_code() == 1009
        assert (await other.request("ping"))["type"] == "pong"


async def test_a_frame_of_64_kib_is_read(account: Account, server: Server) -> None:
    frame = json.dumps({"type": "ping", "request_id": "x", "data": {"filler": ""}})
    async with client(server) as socket:
        await socket.connection.send(frame.replace('""', '"' + "x" * (65_536 - len(frame)) + '"'))
        assert (await socket.reply("x"))["type"] == "pong"


async def test_more_requests_than_may_be_unanswered_are_refused(
    account: Account, settings: Any, server: Server
) -> None:
    settings.HYPERORU_MESSAGES_PER_S = 0
    token = await in_orm(a_token, account.owner)
    async with client(server, token) as socket:
        for number in range(200):
            await socket.send("get_snapshot", {"account_id": account.pk}, request_id=f"s{number}")
        seen: dict[str, str] = {}
        while len(seen) < 200:
            message = await socket.receive()
            assert message["request_id"] not in seen
            seen[message["request_id"]] = message["data"].get("code", message["type"])
            if message["type"] == "error":
                assert message["data"]["retry_after_ms"] > 0
    assert set(seen.values()) == {"snapshot", "too_many_in_flight"}
