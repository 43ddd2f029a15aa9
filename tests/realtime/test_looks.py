"""Looking at the log: all that is committed is found soon, at a cost that does not grow with what is watched."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Account
from realtime import looks as looks_module
from realtime import streams, warden
from realtime import tail as tail_module
from realtime.models import Event
from realtime.orm import in_orm
from realtime.retention import Limits, Sweep
from realtime.tail import Fetched, Tail
from realtime.turns import Turns
from tests.builders import a_token, a_user, access, an_account, execute
from tests.serving import PATIENCE_S, Server, client
from trading.domain.commands import RecordEquity

CHANNEL = "asset_curve"


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    account = an_account()
    return SimpleNamespace(account=account, other=an_account(account.owner), token=a_token(account.owner))


def record(account: Account, times: int = 1) -> None:
    execute(account, *[RecordEquity() for _ in range(times)])


def read(tail: Tail) -> dict[int, int]:
    """Return how far a reading shows the accounts' streams to have got."""
    heads: dict[int, int] = {}
    while True:
        reading = tail.take(tail.fetch())
        heads |= {account_id: head.seq for (account_id, channel), head in reading.heads.items() if channel == CHANNEL}
        if not reading.more:
            return heads


@contextmanager
def uncommitted(account: Account) -> Iterator[Callable[[], None]]:
    """Write an event in a transaction of another thread, which is committed when the value is called."""
    written, goes_on = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                record_in_transaction(account)
                written.set()
                goes_on.wait(PATIENCE_S)
        finally:
            connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert written.wait(PATIENCE_S)

    def commit() -> None:
        goes_on.set()
        thread.join()

    try:
        yield commit
    finally:
        commit()


def record_in_transaction(account: Account) -> None:
    from django.utils import timezone

    from trading.models import EquityPoint

    EquityPoint.objects.create(account=account, timestamp=timezone.now(), balance=1, equity=1, daily_pnl=0)


# The end of the log


@pytest.mark.django_db(transaction=True)
def test_what_was_written_since_the_last_reading_is_read(world: SimpleNamespace) -> None:
    tail = Tail()
    record(world.account)
    assert tail.take(tail.fetch()).anew
    record(world.account, 2)
    record(world.other)
    assert read(tail) == {world.account.pk: 3, world.other.pk: 1}
    assert not tail.take(tail.fetch()).anew
    record(world.other)
    assert read(tail)[world.other.pk] == 2


@pytest.mark.django_db(transaction=True)
def test_a_long_end_is_read_in_pages(world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "PAGE", 7)
    tail = Tail()
    read(tail)
    record(world.account, 50)
    record(world.other, 3)
    assert tail.take(tail.fetch()).more
    assert read(tail) == {world.account.pk: 50, world.other.pk: 3}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("begun", [True, False])
def test_an_event_that_is_committed_after_later_ones_is_read(begun: bool, world: SimpleNamespace) -> None:
    tail = Tail()
    record(world.other)
    if begun:
        read(tail)
    with uncommitted(world.account) as commit:
        record(world.other)
        assert read(tail).get(world.account.pk) is None
        record(world.other)
        assert read(tail).get(world.account.pk) is None
        commit()
        assert read(tail)[world.account.pk] == 1
        assert tail._late.keys().isdisjoint(Event.objects.values_list("pk", flat=True))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_ids_that_never_come_are_forgotten(world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_and_undo() -> None:
        with transaction.atomic():
            for _ in range(30):
                record_in_transaction(world.account)
            transaction.set_rollback(True)

    tail = Tail()
    record(world.other)
    read(tail)
    before = len(tail._late)  # ids of other tests
    write_and_undo()
    record(world.other)
    read(tail)
    assert len(tail._late) == before + 30
    monkeypatch.setattr(tail_module, "MOST_LATE", 20)
    write_and_undo()
    record(world.other)
    read(tail)
    assert len(tail._late) == 20
    later = time.monotonic() + tail_module.LATE_S
    monkeypatch.setattr(tail_module.time, "monotonic", lambda: later)
    read(tail)
    assert tail._late == {}


@pytest.mark.django_db(transaction=True)
def test_a_log_whose_end_is_gone_is_read_anew(world: SimpleNamespace) -> None:
    tail = Tail()
    record(world.account, 5)
    read(tail)
    Event.objects.filter(seq__gt=2).delete()
    assert tail.take(tail.fetch()).anew
    assert not tail.take(tail.fetch()).anew
    Event.objects.all().delete()
    assert tail.take(tail.fetch()).anew
    record(world.other)
    assert read(tail)[world.other.pk] == 1


@pytest.mark.django_db(transaction=True)
def test_pruning_is_no_matter(world: SimpleNamespace) -> None:
    from django.utils import timezone

    tail = Tail()
    record(world.account, 20)
    read(tail)
    sweep = Sweep(Limits(0, 1), timezone.now())
    while not sweep.finished:
        sweep.step()
    record(world.account)
    assert read(tail)[world.account.pk] == 21


# In a server


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("blind", ["sweep", "tail"])
async def test_what_the_layer_loses_is_found_by_the_end_of_the_log_and_by_the_heads_of_streams(
    blind: str, world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if blind == "sweep":
        monkeypatch.setattr(Turns, "take", lambda *_: [])
    else:
        monkeypatch.setattr(Tail, "fetch", lambda _: Fetched([], [], None))
    monkeypatch.setattr(streams, "announce", lambda _: None)
    server = await asyncio.to_thread(request.getfixturevalue, "server")
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=[CHANNEL])
        for seq in (1, 2, 3):
            await in_orm(record, world.account)
            assert (await socket.event("asset_curve_update"))["seq"] == seq


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
async def test_what_is_committed_late_arrives_soon_after(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setattr(Turns, "take", lambda *_: [])
    monkeypatch.setattr(streams, "announce", lambda _: None)
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=[CHANNEL])
        await socket.request("subscribe", channels=[CHANNEL], account_id=world.other.pk)
        with uncommitted(world.account) as commit:
            for _ in range(3):  # the end of the log moves on, several looks long
                await in_orm(record, world.other)
                event = await socket.event("asset_curve_update")
                assert event["data"]["account_id"] == world.other.pk
            await asyncio.to_thread(commit)
            committed = time.monotonic()
            assert (await socket.event("asset_curve_update"))["data"]["account_id"] == world.account.pk
            assert time.monotonic() - committed < 1.0


@pytest.mark.django_db(transaction=True)
async def test_a_look_reads_the_heads_of_a_slice_only(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, server: Server, settings: Any
) -> None:
    settings.HYPERORU_LOG_LOOK_S = 0.02
    monkeypatch.setattr(looks_module, "SWEPT_AT_LEAST", 1)
    monkeypatch.setattr(looks_module, "SWEEP_S", 0.1)
    accounts = await in_orm(lambda: [an_account(world.account.owner).pk for _ in range(10)])
    read_heads, asked = streams.heads, []

    def heads(account_ids: Any) -> Any:
        asked.append(len(account_ids))
        return read_heads(account_ids)

    async with client(server, world.token) as socket:
        for account_id in accounts:
            await socket.request("subscribe", channels=[CHANNEL], account_id=account_id)
        monkeypatch.setattr(streams, "heads", heads)
        async with asyncio.timeout(PATIENCE_S):
            while len(asked) < 20:
                await asyncio.sleep(0.01)
    assert set(asked) <= {2, 10}
    assert asked.count(10) <= 1, "all of them at most once: where the log is begun to be read"


@pytest.mark.django_db(transaction=True)
async def test_access_that_was_withdrawn_is_found_in_turns(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, settings: Any
) -> None:
    settings.HYPERORU_REFRESH_S = 0.05
    monkeypatch.setattr(warden, "LOOKED_AT_LEAST", 1)
    monkeypatch.setattr(warden, "ROUND_S", 0.2)
    withdrawn, asked = warden._withdrawn, []

    def _withdrawn(pairs: set[warden.Seen]) -> set[warden.Seen]:
        asked.append(len(pairs))
        return withdrawn(pairs)

    monkeypatch.setattr(warden, "_withdrawn", _withdrawn)
    server = await asyncio.to_thread(request.getfixturevalue, "server")
    viewer = await in_orm(a_user)
    rows = [await in_orm(access, account, viewer, "viewer") for account in (world.account, world.other)]
    token = await in_orm(a_token, viewer)
    async with client(server, token) as one, client(server, token) as two, client(server, world.token) as owner:
        for socket in (one, two, owner):
            await socket.request("subscribe", channels=["trades"])
            await socket.request("subscribe", channels=["trades"], account_id=world.other.pk)
        asked.clear()
        await in_orm(rows[1].delete)
        assert [await one.close_code(), await two.close_code()] == [4005, 4005]
        assert (await owner.request("ping"))["type"] == "pong"
    assert max(asked) == 2, "one connection at a time"


# Turns


def test_a_small_crowd_is_taken_whole_each_time() -> None:
    turns = Turns[int](4.0, 10)
    assert [sorted(turns.take({1, 2, 3}, 0.2)) for _ in range(3)] == [[1, 2, 3]] * 3
    assert turns.take((), 0.2) == []


def test_everyone_has_a_turn_in_each_round() -> None:
    turns = Turns[int](4.0, 10)
    crowd = dict.fromkeys(range(1_000))
    for _ in range(3):
        slices = [turns.take(crowd, 0.2) for _ in range(20)]
        assert {len(each) for each in slices} == {50}
        assert sorted(one for each in slices for one in each) == list(crowd)


def test_who_came_has_a_turn_within_a_round_and_who_is_gone_has_none() -> None:
    turns = Turns[int](1.0, 1)
    turns.take(range(100), 0.1)
    taken = [each for _ in range(11) for each in turns.take(range(50, 110), 0.1)]
    assert set(taken) == set(range(50, 110))
    assert len(turns._waiting) == 60


def test_the_one_that_is_too_large_for_a_slice_is_followed_by_a_pause() -> None:
    turns = Turns[int](1.0, 10, lambda each: 1_000 if each == 7 else 1)
    crowd = range(20)
    taken = [turns.take(crowd, 0.1) for _ in range(110)]
    assert 10 <= sum(each.count(7) for each in taken) <= 12
    assert all(sum(each.count(one) for each in taken) >= 10 for one in crowd)


def test_a_step_longer_than_a_round_takes_everyone_once() -> None:
    turns = Turns[int](1.0, 1)
    assert turns.take(range(30), 600.0) == list(range(30))
