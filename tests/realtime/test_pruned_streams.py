"""What clients get of a stream that was cut or began another history: all that they missed, or a plain no."""

import asyncio
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from realtime import streams
from realtime.models import Stream
from realtime.orm import in_orm
from realtime.retention import Limits, Sweep
from tests.builders import a_token, an_account, execute, set_price
from tests.serving import Client, Message, Server, client
from trading.domain.commands import RecordEquity

pytestmark = pytest.mark.django_db(transaction=True)
CHANNEL = "asset_curve"


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    set_price()
    account = an_account()
    return SimpleNamespace(account=account, other=an_account(account.owner), token=a_token(account.owner))


@pytest.fixture
def no_looks(settings: Any) -> None:
    """Let the hub hear of events by the channel layer and by requests alone."""
    settings.HYPERORU_LOG_LOOK_S = 3_600.0


def record(account: Account, times: int) -> None:
    execute(account, *[RecordEquity() for _ in range(times)])


def keep(count: int) -> None:
    """Prune all streams down to their newest events; to none by an age that all of them have passed."""
    limits, now = (Limits(0, count), timezone.now()) if count else (Limits(1, 0), timezone.now() + timedelta(days=2))
    sweep = Sweep(limits, now)
    while not sweep.finished:
        sweep.step()


async def subscribed(socket: Client, **resume: Any) -> Message:
    """Subscribe to the channel, from a place on if one is given; return the stream of the reply."""
    asked = {"resume": {CHANNEL: resume}} if resume else {}
    reply = await socket.request("subscribe", channels=[CHANNEL], **asked)
    place: Message = reply["data"]["streams"][CHANNEL]
    return place


async def numbers(socket: Client) -> list[int]:
    return [event["seq"] for event in await socket.settle() if "seq" in event]


# Resuming


@pytest.mark.parametrize(("seq", "replayed"), [(0, None), (29, None), (30, 12), (31, 11), (41, 1), (42, 0), (43, None)])
async def test_a_place_is_resumed_from_the_floor_on(
    seq: int, replayed: int | None, world: SimpleNamespace, server: Server
) -> None:
    await in_orm(record, world.account, 42)
    await in_orm(keep, 12)
    epoch = await in_orm(lambda: Stream.objects.get(account=world.account, channel=CHANNEL).epoch)
    async with client(server, world.token) as socket:
        place = await subscribed(socket, epoch=epoch, seq=seq)
        assert place["recovered"] is (replayed is not None)
        assert place.get("replayed") == replayed
        assert (place["epoch"], place["seq"]) == (epoch, 42)
        assert await numbers(socket) == list(range(seq + 1, 43) if replayed else [])
        await in_orm(record, world.account, 1)
        assert (await socket.event("asset_curve_update"))["seq"] == 43


async def test_who_is_at_the_head_resumes_where_all_is_pruned(world: SimpleNamespace, server: Server) -> None:
    await in_orm(record, world.account, 5)
    async with client(server, world.token) as socket:
        seen = await subscribed(socket)
    await in_orm(keep, 0)
    async with client(server, world.token) as socket:
        assert await subscribed(socket, **seen) == {**seen, "recovered": True, "replayed": 0}
        before = await subscribed(socket, epoch=seen["epoch"], seq=4)
        assert before == {**seen, "recovered": False}
        await in_orm(record, world.account, 1)
        assert (await socket.event("asset_curve_update"))["seq"] == 6


async def test_pruning_between_two_reads_of_a_resume_is_not_passed_over(
    world: SimpleNamespace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, pruned = streams.after, []

    def read_after_pruning(*args: Any) -> Any:
        if not pruned:
            pruned.append(keep(5))
        return read(*args)

    async with client(server, world.token) as socket:
        seen = await subscribed(socket)
    await in_orm(record, world.account, 300)
    async with client(server, world.token) as socket:
        monkeypatch.setattr(streams, "after", read_after_pruning)
        assert (await subscribed(socket, **seen))["recovered"] is False
        assert pruned
        assert await numbers(socket) == []


async def test_resuming_while_events_come_and_go_is_whole_or_refused(world: SimpleNamespace, server: Server) -> None:
    stop = threading.Event()

    def write_and_prune() -> None:
        while not stop.is_set():
            record(world.account, 10)
            keep(60)

    working = asyncio.ensure_future(in_orm(write_and_prune))
    try:
        async with client(server, world.token) as socket:
            for _ in range(25):
                seen = (await socket.request("get_snapshot", account_id=world.account.pk))["data"]["as_of"][CHANNEL]
                place = await subscribed(socket, **seen)
                await socket.request("unsubscribe")
                got = await numbers(socket)
                if place["recovered"]:
                    assert got == list(range(seen["seq"] + 1, seen["seq"] + 1 + len(got)))
                    assert len(got) >= place["replayed"]
                else:
                    assert got == list(range(place["seq"] + 1, place["seq"] + 1 + len(got)))
    finally:
        stop.set()
        await working


# Processes that lag


@pytest.mark.parametrize("left", [0, 2])
async def test_who_follows_a_stream_that_was_cut_before_it_was_heard_loads_anew(
    left: int, world: SimpleNamespace, no_looks: None, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go_unheard() -> None:
        record(world.account, 10)
        keep(left)

    async with client(server, world.token) as socket:
        seen = await subscribed(socket)
        with monkeypatch.context() as patch:
            patch.setattr(streams, "announce", lambda events: None)
            await in_orm(go_unheard)
        async with client(server, world.token) as other:
            assert (await subscribed(other))["seq"] == 10
            assert await socket.close_code() == 4008
            await in_orm(record, world.account, 1)
            assert (await other.event("asset_curve_update"))["seq"] == 11
    async with client(server, world.token) as socket:
        assert (await subscribed(socket, **seen))["recovered"] is False


async def test_the_next_event_shows_the_cut_too(
    world: SimpleNamespace, no_looks: None, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client(server, world.token) as socket:
        await subscribed(socket)
        with monkeypatch.context() as patch:
            patch.setattr(streams, "announce", lambda events: None)
            await in_orm(record, world.account, 10)
        await in_orm(keep, 1)
        await in_orm(record, world.account, 1)
        assert await socket.close_code() == 4008


async def test_who_has_heard_all_does_not_notice_a_cut(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await subscribed(socket)
        for _ in range(5):
            await in_orm(record, world.account, 4)
            await in_orm(keep, 0)
        heard = [(await socket.event("asset_curve_update"))["seq"] for _ in range(20)]
        assert heard == list(range(1, 21))


# Another history


async def test_new_epochs_send_the_followers_to_load_anew(world: SimpleNamespace, server: Server) -> None:
    await in_orm(record, world.account, 3)
    await in_orm(record, world.other, 3)
    async with client(server, world.token) as socket, client(server, world.token) as other:
        seen = await subscribed(socket)
        await other.request("subscribe", channels=[CHANNEL], account_id=world.other.pk)
        await in_orm(streams.renew_epochs, [world.account.pk])
        assert await socket.close_code() == 4008
        async with client(server, world.token) as again:
            place = await subscribed(again, **seen)
            assert (place["seq"], place["recovered"]) == (3, False)
            assert place["epoch"] != seen["epoch"]
            await in_orm(record, world.account, 1)
            event = await again.event("asset_curve_update")
            assert (event["epoch"], event["seq"]) == (place["epoch"], 4)
            old = await subscribed(again, epoch=place["epoch"], seq=2)
            assert old["recovered"] is False
        await in_orm(record, world.other, 1)
        assert (await other.event("asset_curve_update"))["seq"] == 4
