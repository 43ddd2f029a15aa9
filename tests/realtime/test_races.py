"""What happens at the same time: requests that overtake, sockets that leave, streams that move on meanwhile."""

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import Account
from realtime import hub as hub_module
from realtime import hubs, streams
from realtime.handlers import ROUTES
from realtime.hub import Hub
from realtime.models import Stream
from realtime.orm import in_orm
from tests.builders import a_token, a_user, access, an_account, an_order, done, execute, set_price
from tests.realtime.test_state_and_events import events_up_to
from tests.serving import PATIENCE_S, Server, client
from trading.domain.commands import RecordEquity
from trading.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    set_price()
    account = an_account(capital="1000000")
    return SimpleNamespace(account=account, other=an_account(account.owner), token=a_token(account.owner))


def the_hub() -> Hub:
    [hub] = [hub for hub in hubs._hubs.values() if hub.connections]
    return hub


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_requests_are_carried_out_in_the_order_in_which_they_were_sent(
    world: SimpleNamespace, server: Server
) -> None:
    order = {"account_id": world.account.pk, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "limit"}
    async with client(server) as socket:
        await socket.send("connect", {"session_token": world.token}, request_id="c")
        for number in range(12):
            data = {**order, "price": 60_000 + number, "client_order_id": f"n{number}"}
            await socket.send("place_order", data, request_id=number)
            if number == 6:
                await asyncio.sleep(0)
                await socket.send("switch_account", {"account_id": world.other.pk}, request_id="s")
        await socket.send("cancel_order", {"account_id": world.account.pk, "client_order_id": "n11"}, request_id="x")
        assert (await socket.reply("x"))["data"].get("status") == "canceled"
        for number in range(12):
            assert (await socket.reply(number))["type"] == "place_order"
    prices = await in_orm(
        lambda: [int(price) for price in Order.objects.order_by("id").values_list("price", flat=True)]
    )
    assert prices == [60_000 + number for number in range(12)]


async def test_an_account_that_was_left_alone_can_be_subscribed_to_again_at_any_moment(
    world: SimpleNamespace, settings: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HYPERORU_MESSAGES_PER_S = 0
    monkeypatch.setattr(hub_module, "IDLE_S", -1.0)
    async with client(server, world.token) as socket:
        for _ in range(60):
            reply = await socket.request("subscribe", channels=["trades"])
            assert reply["type"] == "subscribe", reply
            assert (await socket.request("unsubscribe"))["data"]["channels"] == []
        await socket.request("subscribe", channels=["trades"])
        await in_orm(done, world.account, an_order("0.001"))
        assert (await socket.event("trade_update"))["seq"] == 1


async def test_a_client_can_resume_while_its_stream_moves_fast(world: SimpleNamespace, server: Server) -> None:
    def record(times: int) -> None:
        execute(world.account, *[RecordEquity() for _ in range(times)])

    def keep_recording(stop: threading.Event) -> None:
        while not stop.is_set():
            record(10)

    async with client(server, world.token) as socket:
        seen = (await socket.request("subscribe", channels=["asset_curve"]))["data"]["streams"]["asset_curve"]
    await in_orm(record, 800)
    stop = threading.Event()
    recording = asyncio.ensure_future(in_orm(keep_recording, stop))
    try:
        async with client(server, world.token) as socket:
            reply = await socket.request("subscribe", channels=["asset_curve"], resume={"asset_curve": seen})
            place = reply["data"]["streams"]["asset_curve"]
            assert place["recovered"] is True
            numbers = [(await socket.event("asset_curve_update"))["seq"] for _ in range(place["replayed"] + 50)]
            assert numbers == list(range(seen["seq"] + 1, seen["seq"] + len(numbers) + 1))
    finally:
        stop.set()
        await recording


async def test_load_then_subscribe_from_there_has_no_race(world: SimpleNamespace, server: Server) -> None:
    def trade_on(stop: threading.Event) -> None:
        while not stop.is_set():
            execute(world.account, an_order("0.001"))

    stop = threading.Event()
    trading = asyncio.ensure_future(in_orm(trade_on, stop))
    try:
        async with client(server, world.token) as socket:
            for _ in range(25):
                loaded = (await socket.request("get_snapshot", account_id=world.account.pk))["data"]
                reply = await socket.request("subscribe", channels=["trades", "orders"], resume=loaded["as_of"])
                assert all(place["recovered"] for place in reply["data"]["streams"].values())
                later = (await socket.request("get_snapshot", account_id=world.account.pk))["data"]
                start, end = (
                    {c: as_of[c] for c in ("trades", "orders")} for as_of in (loaded["as_of"], later["as_of"])
                )
                left = await socket.request("unsubscribe")
                assert left["data"]["channels"] == []
                got = [event for event in socket.events if "seq" in event]
                for channel in start:
                    numbers = [event["seq"] for event in got if event["channel"] == channel]
                    assert numbers == list(range(start[channel]["seq"] + 1, start[channel]["seq"] + len(numbers) + 1))
                    assert len(numbers) >= reply["data"]["streams"][channel]["replayed"]
                assert end["trades"]["seq"] >= start["trades"]["seq"]
                socket.events.clear()
    finally:
        stop.set()
        await trading


async def test_a_request_that_outlives_its_socket_leaves_nothing_behind(
    world: SimpleNamespace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, goes_on = threading.Event(), threading.Event()
    check = streams.heads

    def held(*args: Any) -> Any:
        asked.set()
        goes_on.wait(PATIENCE_S)
        return check(*args)

    async with client(server, world.token) as watcher:
        async with client(server, world.token) as socket:
            hub = the_hub()
            monkeypatch.setattr(streams, "heads", held)
            await socket.send("subscribe", {"channels": ["trades"]}, request_id=1)
            await until(asked.is_set)
        await until(lambda: len(hub.connections) == 1)
        goes_on.set()
        monkeypatch.setattr(streams, "heads", check)
        await watcher.request("subscribe", channels=["trades"])
        await until(lambda: sum(len(found) for found in hub.subscribers("trades").values()) == 1)
        await in_orm(done, world.account, an_order("0.001"))
        await watcher.event("trade_update")
        assert sum(len(found) for found in hub.subscribers("trades").values()) == 1


async def test_after_access_was_withdrawn_the_active_account_is_not_found_either(
    world: SimpleNamespace, server: Server
) -> None:
    def viewer() -> tuple[Any, str]:
        user = a_user()
        return access(world.account, user, "viewer"), a_token(user)

    row, token = await in_orm(viewer)
    async with client(server, token) as socket:
        await in_orm(row.delete)
        assert (await socket.request("subscribe", channels=["trades"]))["data"]["code"] == "not_found"


async def test_nothing_is_carried_out_after_a_frame_that_ends_the_session(
    world: SimpleNamespace, server: Server, settings: Any
) -> None:
    settings.HYPERORU_CONNECT_TIMEOUT_S = 60.0
    order = {"account_id": world.account.pk, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
    async with client(server) as socket:
        for _ in range(5):
            await socket.send("connect", {"session_token": "wrong"})
        await socket.send("connect", {"session_token": world.token})
        await socket.send("place_order", order)
        assert await socket.close_code() == 4500
    assert await in_orm(Order.objects.count) == 0


async def test_an_error_is_not_larger_than_what_it_answers(world: SimpleNamespace, server: Server) -> None:
    data = {f"k{number}": 1 for number in range(5_000)}
    async with client(server) as socket:
        await socket.send("connect", data, request_id=1)
        reply = await socket.reply(1)
        assert reply["data"]["code"] == "bad_request"
        assert len(json.dumps(reply)) < 10_000


async def test_a_switch_brings_what_happened_since_its_as_of(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("switch_account", account_id=world.other.pk)
        await socket.request("subscribe", channels=["trades"])
        stop = threading.Event()
        trading = asyncio.ensure_future(in_orm(_trade_until, world.account, stop))
        try:
            for _ in range(10):
                reply = await socket.request("switch_account", account_id=world.account.pk)
                start = {"trades": reply["data"]["as_of"]["trades"]}
                end = {"trades": (await socket.request("get_snapshot"))["data"]["as_of"]["trades"]}
                await socket.request("switch_account", account_id=world.other.pk)
                numbers = [event["seq"] for event in socket.events if "seq" in event]
                assert numbers == list(range(start["trades"]["seq"] + 1, start["trades"]["seq"] + len(numbers) + 1))
                assert end["trades"]["seq"] >= start["trades"]["seq"]
                socket.events.clear()
        finally:
            stop.set()
            await trading


def _trade_until(account: Account, stop: threading.Event) -> None:
    while not stop.is_set():
        execute(account, an_order("0.001"))


async def test_a_changed_epoch_sends_the_followers_to_load_anew(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades"])
        await in_orm(lambda: Stream.objects.filter(channel="trades").update(epoch="restored"))
        assert await socket.close_code() == 4008
    async with client(server, world.token) as socket:
        reply = await socket.request("subscribe", channels=["trades"])
        assert reply["data"]["streams"]["trades"]["epoch"] == "restored"
        before = {"trades": reply["data"]["streams"]["trades"]}
        await in_orm(done, world.account, an_order("0.001"))
        after = {"trades": (await socket.request("get_snapshot"))["data"]["as_of"]["trades"]}
        assert len(await events_up_to(socket, before, after)) == 1


def test_every_route_says_what_it_answers() -> None:
    for kind, route in ROUTES.items():
        assert route.reply == kind.removeprefix("get_")


async def test_reads_tell_of_the_account_that_was_active_when_they_were_sent(
    world: SimpleNamespace, server: Server
) -> None:
    async with client(server, world.token) as socket:
        for number in range(8):
            await socket.send("get_snapshot", request_id=f"r{number}")
        await socket.send("switch_account", {"account_id": world.other.pk}, request_id="s")
        await socket.send("get_snapshot", request_id="after")
        for number in range(8):
            assert (await socket.reply(f"r{number}"))["data"]["account_id"] == world.account.pk
        assert (await socket.reply("after"))["data"]["account_id"] == world.other.pk


async def test_a_first_account_is_followed_when_the_session_is_prolonged(server: Server) -> None:
    def first_account(user: Any) -> tuple[Account, str]:
        set_price()
        return an_account(user), a_token(user)

    user = await in_orm(a_user)
    async with client(server, await in_orm(a_token, user)) as socket:
        await socket.request("subscribe", channels=["trades"])
        account, token = await in_orm(first_account, user)
        assert (await socket.request("connect", session_token=token))["data"]["account_id"] == account.pk
        await in_orm(done, account, an_order())
        assert (await socket.event("trade_update"))["data"]["account_id"] == account.pk
