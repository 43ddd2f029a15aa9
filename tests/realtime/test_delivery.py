"""What is committed is seen: once, in order, by those who subscribed, whoever wrote it."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Account
from realtime import announce, streams
from realtime.connection import Connection
from realtime.models import Event, Stream
from realtime.orm import in_orm
from tests.builders import a_token, an_account, an_order, done, execute, set_price
from tests.realtime.test_state_and_events import events_up_to
from tests.serving import PATIENCE_S, Message, Server, client
from trading.domain.commands import RecordEquity
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade

pytestmark = pytest.mark.django_db(transaction=True)
CHANNELS = ["trades", "positions", "model_chat", "asset_curve", "orders"]


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    set_price()
    account = an_account()
    other = an_account(account.owner)
    return SimpleNamespace(account=account, other=other, token=a_token(account.owner))


def last_seq(account: Account, channel: str) -> int:
    return Stream.objects.get(account=account, channel=channel).seq


# Who hears what


async def test_only_the_channels_subscribed_to_are_heard(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["orders"])
        await in_orm(done, world.account, an_order())
        await socket.event("order_update")
        await in_orm(done, world.account, an_order())
        await socket.event("order_update")
        assert [event["type"] for event in await socket.settle()] == []


async def test_an_unknown_channel_is_rejected_alone(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        reply = await socket.request("subscribe", channels=["trades", "nonsense"])
        assert reply["data"]["channels"] == ["trades"]
        assert reply["data"]["rejected"] == {"nonsense": "unknown_channel"}
        again = await socket.request("subscribe", channels=["trades"])
        assert again["data"]["channels"] == ["trades"]
        await in_orm(done, world.account, an_order())
        await socket.event("trade_update")
        assert [event["type"] for event in await socket.settle()] == []


async def test_unsubscribing_ends_it(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades", "orders", "positions"])
        left = await socket.request("unsubscribe", channels=["trades"])
        assert left["data"]["channels"] == ["positions", "orders"]
        await in_orm(done, world.account, an_order())
        await socket.event("order_update")
        await socket.event("position_update")
        assert (await socket.request("unsubscribe"))["data"]["channels"] == []
        await in_orm(done, world.account, an_order())
        await socket.request("get_snapshot")
        assert await socket.settle() == []


async def test_a_pinned_subscription_stays_when_the_account_is_switched(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades"])
        await socket.request("subscribe", channels=["orders"], account_id=world.account.pk)
        await socket.request("switch_account", account_id=world.other.pk)
        await in_orm(done, world.account, an_order())
        await in_orm(done, world.other, an_order())
        trade = await socket.event("trade_update")
        order = await socket.event("order_update")
        assert (trade["data"]["account_id"], order["data"]["account_id"]) == (world.other.pk, world.account.pk)
        assert [event["type"] for event in await socket.settle()] == []


async def test_after_the_switch_is_answered_nothing_of_the_old_account_comes(
    world: SimpleNamespace, server: Server
) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=CHANNELS)
        for _ in range(20):
            pending = in_orm(lambda: [done(a, an_order("0.001")) for a in (world.account, world.other)])
            task = asyncio.ensure_future(pending)
            reply = await socket.request("switch_account", account_id=world.other.pk)
            socket.events.clear()
            await task
            after = (await socket.request("get_snapshot"))["data"]["as_of"]
            events = await events_up_to(socket, reply["data"]["as_of"], after)
            assert {event["data"]["account_id"] for event in events} <= {world.other.pk}
            await socket.request("switch_account", account_id=world.account.pk)
            socket.events.clear()


# Resuming


async def test_a_client_that_resumes_gets_what_it_missed_and_then_what_is_live(
    world: SimpleNamespace, server: Server
) -> None:
    async with client(server, world.token) as socket:
        seen = (await socket.request("subscribe", channels=["trades"]))["data"]["streams"]["trades"]
    await in_orm(lambda: [done(world.account, an_order("0.001")) for _ in range(5)])
    async with client(server, world.token) as socket:
        reply = await socket.request("subscribe", channels=["trades"], resume={"trades": seen})
        place = reply["data"]["streams"]["trades"]
        assert (place["recovered"], place["replayed"], place["seq"]) == (True, 5, seen["seq"] + 5)
        await in_orm(done, world.account, an_order("0.001"))
        events = [await socket.event("trade_update") for _ in range(6)]
        assert [event["seq"] for event in events] == list(range(seen["seq"] + 1, seen["seq"] + 7))
        assert [event["type"] for event in await socket.settle()] == []


async def test_more_than_1000_missed_are_not_replayed(world: SimpleNamespace, server: Server) -> None:
    def record(times: int) -> None:
        execute(world.account, *[RecordEquity() for _ in range(times)])

    async with client(server, world.token) as socket:
        start = (await socket.request("subscribe", channels=["asset_curve"]))["data"]["streams"]["asset_curve"]
        await socket.request("unsubscribe")
        await in_orm(record, 1_000)
        await socket.request("get_snapshot")
        reply = await socket.request("subscribe", channels=["asset_curve"], resume={"asset_curve": start})
        assert reply["data"]["streams"]["asset_curve"]["replayed"] == 1_000
        assert len([event for event in await socket.settle() if "seq" in event]) == 1_000
        await socket.request("unsubscribe")
        await in_orm(record, 1)
        reply = await socket.request("subscribe", channels=["asset_curve"], resume={"asset_curve": start})
        place = reply["data"]["streams"]["asset_curve"]
        assert (place["recovered"], "replayed" in place) == (False, False)
        assert [event for event in await socket.settle() if "seq" in event] == []


@pytest.mark.parametrize("place", [{"epoch": "another", "seq": 0}, {"epoch": None, "seq": 99}])
async def test_another_history_is_not_resumed(place: dict[str, object], world: SimpleNamespace, server: Server) -> None:
    epoch = await in_orm(lambda: Stream.objects.get(account=world.account, channel="trades").epoch)
    async with client(server, world.token) as socket:
        resume = {"trades": {**place, "epoch": place["epoch"] or epoch}}
        reply = await socket.request("subscribe", channels=["trades"], resume=resume)
        assert reply["data"]["streams"]["trades"]["recovered"] is False
        await in_orm(done, world.account, an_order("0.001"))
        assert (await socket.event("trade_update"))["seq"] == 1


# Whoever writes it


def saved_rows(account: Account) -> list[str]:
    """Save one row of each kind, one by one, as an admin or a shell does; return the events that this is told by."""
    now = timezone.now()
    decision = ModelDecision.objects.create(
        account=account, instrument_id="BTC", model="by hand", decision="hold", reasoning="Because.", created_at=now
    )
    order = Order.objects.create(
        account=account, instrument_id="BTC", side="buy", order_type="limit", time_in_force="gtc", size=Decimal(1),
        price=Decimal(60_000), leverage=10, status="open", created_at=now, updated_at=now, decision=decision,
    )  # fmt: skip
    Trade.objects.create(
        account=account, order=order, instrument_id="BTC", side="buy", status="filled", price=Decimal(60_000),
        size=Decimal("0.1"), fee=Decimal(1), start_position=0, liquidity="maker", fill_quality="book", executed_at=now,
    )  # fmt: skip
    Position.objects.create(
        account=account, instrument_id="BTC", side="long", size=Decimal("0.1"), entry_notional=Decimal(6_000),
        leverage=10, updated_at=now,
    )  # fmt: skip
    EquityPoint.objects.create(account=account, timestamp=now, balance=1, equity=1, daily_pnl=0)
    return ["model_chat_update", "order_update", "trade_update", "position_update", "asset_curve_update"]


async def test_rows_saved_one_by_one_reach_the_sockets(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=CHANNELS)
        for kind in await in_orm(saved_rows, world.account):
            event = await socket.event(kind)
            assert (event["data"]["account_id"], event["seq"]) == (world.account.pk, 1)


async def test_a_trade_corrected_in_the_admin_is_told_again(world: SimpleNamespace, server: Server) -> None:
    def correct() -> int:
        boss = get_user_model().objects.create_superuser("boss")
        done(world.account, an_order())
        trade = Trade.objects.get()
        browser = Browser()
        browser.force_login(boss)
        page = f"/admin/trading/trade/{trade.pk}/change/"
        form = browser.get(page).context["adminform"].form
        values = {name: "" if (v := form[name].value()) is None else v for name in form.fields}
        for name in [n for n in values if n.endswith("_at")]:
            moment = getattr(trade, name)
            values |= {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}
        response = browser.post(page, values | {"price": "68000"})
        assert response.status_code == 302, response.context["adminform"].form.errors
        return trade.pk

    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades"])
        trade_id = await in_orm(correct)
        first, second = await socket.event("trade_update"), await socket.event("trade_update")
    assert (first["data"]["trade_id"], second["data"]["trade_id"]) == (trade_id, trade_id)
    assert (second["seq"], second["data"]["price"]) == (2, 68000.0)


async def test_a_rolled_back_save_is_never_told(world: SimpleNamespace, server: Server) -> None:
    from django.db import transaction

    def save_and_undo() -> None:
        with transaction.atomic():
            saved_rows(world.account)
            transaction.set_rollback(True)

    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=CHANNELS)
        await in_orm(save_and_undo)
        await in_orm(done, world.account, an_order())
        assert (await socket.event("order_update"))["seq"] == 1
    assert await in_orm(lambda: Event.objects.filter(stream__channel="model_chat").count()) == 0


async def test_what_another_process_writes_arrives_within_half_a_second(world: SimpleNamespace, server: Server) -> None:
    code = (
        "import time; from trading.desk import desk, Request; from trading.domain.commands import RecordEquity;"
        f"print(desk.execute([Request({world.account.pk}, RecordEquity())])); print(time.time())"
    )

    def write() -> float:
        from django.db import connection

        name = str(connection.settings_dict["NAME"])
        url = os.environ.get("DATABASE_URL", "")
        url = url.replace("/postgres?", f"/{name}?") if url else f"sqlite:///{name}"
        shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
        out = subprocess.run(shell, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, check=True)
        return float(out.stdout.split()[-1])

    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["asset_curve"])
        writing = asyncio.get_running_loop().run_in_executor(None, write)
        await socket.event("asset_curve_update")
        arrived = time.time()
        assert arrived - await writing < 0.5


async def test_what_the_layer_loses_is_found_in_the_log(
    world: SimpleNamespace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[object] = []
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades"])
        with monkeypatch.context() as patch:
            patch.setattr(streams, "announce", lost.append)
            await in_orm(done, world.account, an_order("0.001"))
        await in_orm(done, world.account, an_order("0.001"))
        events = [await socket.event("trade_update") for _ in range(2)]
        assert [event["seq"] for event in events] == [1, 2]
        assert lost
        with monkeypatch.context() as patch:
            patch.setattr(streams, "announce", lost.append)
            await in_orm(done, world.account, an_order("0.001"))
        assert (await socket.event("trade_update"))["seq"] == 3


async def test_an_event_announced_twice_is_told_once(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades"])
        await in_orm(done, world.account, an_order("0.001"))
        announce.announce(await in_orm(streams.after, world.account.pk, "trades", 0))
        await in_orm(done, world.account, an_order("0.001"))
        events = [await socket.event("trade_update") for _ in range(2)]
        assert [event["seq"] for event in events] == [1, 2]
        assert await socket.settle() == []


# Ephemeral events


async def test_a_new_mark_refreshes_prices_and_positions(world: SimpleNamespace, server: Server) -> None:
    await in_orm(done, world.account, an_order("0.01"))
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["prices", "positions"])
        set_price("BTC", "69000")
        price = await socket.event("price_update", lambda event: event["data"]["mark_price"] == 69000.0)
        position = await socket.event("position_update", lambda event: event["data"]["mark_price"] == 69000.0)
    assert "seq" not in price
    assert "seq" not in position
    assert (price["data"]["symbol"], position["data"]["size"]) == ("BTC", 0.01)
    assert position["data"]["unrealized_pnl"] == pytest.approx(0.01 * (69000 - position["data"]["entry_price"]))


async def test_a_price_that_changes_while_somebody_subscribes_is_told_to_him(
    world: SimpleNamespace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = Connection.prepare

    def is_at(mark: float) -> Callable[[Message], bool]:
        return lambda event: event["data"]["symbol"] == "BTC" and event["data"]["mark_price"] == mark

    async with client(server, world.token) as first, client(server, world.token) as late:
        await first.request("subscribe", channels=["prices"])
        await first.event("price_update", is_at(68500.0))
        told = threading.Event()

        async def prepare_slowly(*args: Any) -> None:
            set_price("BTC", "69000")
            assert await asyncio.to_thread(told.wait, PATIENCE_S)
            await prepare(*args)

        monkeypatch.setattr(Connection, "prepare", prepare_slowly)
        await late.send("subscribe", {"channels": ["prices", "orders"]}, request_id="late")
        await first.event("price_update", is_at(69000.0))
        told.set()
        await late.reply("late")
        await late.event("price_update", is_at(69000.0))


async def test_who_subscribes_to_prices_is_told_those_that_stand(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        reply = await socket.request("subscribe", channels=["prices"])
        assert reply["data"]["streams"] == {}
        assert (await socket.event("price_update"))["data"]["mark_price"] == 68500.0
