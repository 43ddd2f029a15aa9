"""A session over the real server, every frame of it held against the document that the server itself serves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest
from django.contrib.auth.models import Permission
from websockets.asyncio.client import connect

from realtime import hubs
from realtime.farewell import take_leave
from realtime.orm import in_orm
from tests.builders import a_token, an_account, an_order, done, set_price
from tests.realtime.contract import Contract
from tests.serving import Client, Message, Server
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action

pytestmark = pytest.mark.django_db(transaction=True)
CHANNELS = ["trades", "positions", "orders", "model_chat", "asset_curve", "prices"]


class Recorder(Client):
    """A client that keeps every frame, both ways."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.sent: list[Message] = []
        self.received: list[Message] = []

    async def send(self, kind: str, data: Message | None = None, **more: Any) -> None:
        self.sent.append({"type": kind, **({} if data is None else {"data": data}), **more})
        await super().send(kind, data, **more)

    async def receive(self) -> Message:
        message = await super().receive()
        self.received.append(message)
        return message


@asynccontextmanager
async def recording(server: Server) -> AsyncIterator[Recorder]:
    async with connect(server.socket_url, ping_interval=None) as connection:
        yield Recorder(connection)


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    account = an_account()
    other = an_account(account.owner)
    stranger = an_account()
    set_price("BTC", "68500")
    # It has less than a minute left, so the session is warned at once.
    token = a_token(account.owner, lifetime=timedelta(seconds=50))
    reader = a_token(account.owner, scope="read")
    return SimpleNamespace(account=account, other=other, stranger=stranger, token=token, reader=reader)


async def fetched(server: Server) -> Contract:
    def fetch() -> Any:
        with urlopen(f"{server.url}/ws/schema.json", timeout=30) as response:
            return json.load(response)

    return Contract(await asyncio.to_thread(fetch))


async def every_good_request(socket: Recorder, world: SimpleNamespace) -> None:
    """Ask everything that can be asked, and let happen what makes each event."""
    mine = {"account_id": world.account.pk}
    order = {**mine, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
    limit = {**order, "size": "0.02", "order_type": "limit", "price": "60000", "time_in_force": "gtc"}
    await socket.request("ping")
    await socket.request("connect", session_token=world.token)
    state = await socket.request("bootstrap")
    await socket.request("subscribe", channels=CHANNELS, resume=state["data"]["as_of"])
    await socket.request("subscribe", channels=["trades", "nonsense"], account_id=world.other.pk)
    await socket.request("preview_order", **order)
    await socket.request("preview_order", **{name: value for name, value in limit.items() if name != "size"})
    await socket.request("place_order", **order)
    await socket.request("place_order", **limit, client_order_id="rests")
    await socket.request("place_order", **limit, client_order_id="rests")
    await socket.request("place_order", **limit, reduce_only=False, leverage=5)
    said = await socket.request(
        "submit_decision", **mine, symbol="BTC", decision="buy", reasoning="So.", confidence=0.7, client_decision_id="d"
    )
    await socket.request("place_order", **order, decision_id=said["data"]["decision_id"])
    decided = SubmitDecision("rsi", "BTC", Action.BUY, "RSI oversold at 28", order=an_order())
    await in_orm(done, world.account, decided)
    for kind in ("model_chat_update", "asset_curve_update", "session_expiring", "order_update", "trade_update"):
        await socket.event(kind)
    await socket.event("position_update", lambda frame: "seq" in frame)
    set_price("BTC", "68600")
    await socket.event("position_update", lambda frame: "seq" not in frame)
    await socket.event("price_update", lambda frame: frame["data"]["mark_price"] == 68600.0)
    await socket.request("get_snapshot")
    await socket.request("get_snapshot", **mine)
    await socket.request("get_asset_curve", timeframe="7d", **mine)
    await socket.request("get_leaderboard", timeframe="all")
    await socket.request("get_instruments")
    await socket.request("get_trades", **mine, symbol="BTC", limit=1)
    await socket.request("get_orders", **mine, status=["open", "filled"])
    await socket.request("get_decisions", all_accounts=True)
    await socket.request("get_ledger", **mine)
    await socket.request("get_funding", **mine)
    permission = await in_orm(lambda: Permission.objects.get(codename="act_as_user"))
    await in_orm(world.account.owner.user_permissions.add, permission)
    await socket.request("get_users")
    await in_orm(world.account.owner.user_permissions.remove, permission)
    await socket.request("get_candles", symbol="BTC", interval="5s", before="2126-04-09T12:00:00Z", limit=10)
    await socket.request("amend_order", **mine, client_order_id="rests", price="60100")
    await socket.request("cancel_after", **mine, timeout_s=60)
    await socket.request("cancel_order", **mine, client_order_id="rests")
    await socket.request("close_position", **mine, symbol="BTC")
    await socket.request("cancel_all_orders", **mine, symbol="BTC")
    await socket.request("switch_account", account_id=world.other.pk)
    await socket.request("switch_user", user_id=world.account.owner_id)
    await socket.request("unsubscribe", channels=["prices"])
    await socket.request("unsubscribe")


async def every_kind_of_refusal(socket: Recorder, world: SimpleNamespace) -> list[str]:
    """Ask what is refused; return the codes."""
    mine = {"account_id": world.account.pk}
    order = {**mine, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
    limit = {**order, "order_type": "limit", "price": 60000}
    refused = [await socket.request("place_order", **order, client_order_id="rests")]
    refused.append(await socket.request("cancel_order", **mine, client_order_id="rests"))
    refused.append(await socket.request("get_snapshot", account_id=world.stranger.pk))
    refused.append(await socket.request("place_order", **{**order, "symbol": "DOGE"}))
    refused.append(await socket.request("place_order", **{**limit, "price": 60000.123}))
    refused.append(await socket.request("place_order", **{**order, "size": 150}))
    refused.append(await socket.request("switch_user", user_id=world.stranger.owner_id))
    said = {**mine, "symbol": "BTC", "decision": "buy", "reasoning": "Other.", "client_decision_id": "d"}
    refused.append(await socket.request("submit_decision", **said))
    refused.append(await socket.request("place_order", **{**order, "sise": 1, "size": "NaN"}))
    refused.append(await socket.request("place_odrer", **order))
    for frame in ("{nonsense", b"\x00", "[]"):
        await socket.connection.send(frame)
        refused.append(await socket.event("error"))
    return [each["data"]["code"] for each in refused]


async def test_every_frame_of_a_session_is_as_the_document_says(
    world: SimpleNamespace, server: Server, settings: Any
) -> None:
    settings.HYPERORU_REFRESH_S = 0.05
    contract = await fetched(server)
    async with recording(server) as socket:
        early = await socket.request("bootstrap")
        await every_good_request(socket, world)
        sent = list(socket.sent)
        codes = await every_kind_of_refusal(socket, world)
        [hub] = [each for each in hubs._hubs.values() if each.connections]
        leaving = asyncio.run_coroutine_threadsafe(take_leave(hub), hub._loop)
        await socket.event("server_shutdown")
        assert await socket.close_code() == 4001
        await asyncio.wrap_future(leaving)

    for frame in sent:
        assert contract.problems(contract.sent(frame), frame) == [], frame
    for frame in socket.received:
        assert contract.problems(contract.received(frame), frame) == [], frame
    seen = {contract.sent(frame) for frame in sent} | {contract.received(frame) for frame in socket.received}
    assert seen == set(contract.messages)
    assert early["data"]["code"] == "unauthorized"
    assert codes == [
        "duplicate_client_order_id", "not_open", "not_found", "unknown_symbol", "order_rejected",
        "insufficient_margin", "forbidden", "duplicate_client_decision_id", "bad_request", "unknown_type",
        "bad_json", "bad_request", "bad_request",
    ]  # fmt: skip


async def test_what_the_document_forbids_is_refused_and_what_it_allows_is_not(
    world: SimpleNamespace, server: Server
) -> None:
    contract = await fetched(server)
    order = {"account_id": world.account.pk, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
    async with recording(server) as socket:
        await socket.request("connect", session_token=world.token)
        for changed in ({}, {"size": "0"}, {"size": "0.010"}, {"side": "up"}, {"new": 1}, {"leverage": None}):
            answer = await socket.request("place_order", **{**order, **changed})
            allowed = contract.problems("place_order_request", socket.sent[-1]) == []
            assert allowed == (answer["type"] == "place_order"), changed
