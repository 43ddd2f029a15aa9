"""The event log is cut from its old end: never a hole, never a young event for its age."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from realtime import retention, streams
from realtime.models import Event, Stream
from realtime.retention import Limits, Pruned, Sweep
from tests.builders import an_account, execute
from tests.realtime.logs import a_log, log_of
from tests.serving import PATIENCE_S
from trading.domain.commands import RecordEquity

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 4, 9, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def account() -> Account:
    return an_account()


def prune(days: float = 0, count: int = 0, **options: Any) -> Pruned:
    """Go through a whole sweep."""
    sweep = Sweep(Limits(days, count), NOW, **options)
    while not sweep.finished:
        sweep.step()
    return sweep.pruned


# What is cut


def test_events_that_are_too_old_go(account: Account) -> None:
    a_log(account, 30, NOW - 8 * DAY)
    a_log(account, 12, NOW - 6 * DAY)
    assert prune(days=7) == Pruned(30, 1)
    assert log_of(account) == (30, 42, list(range(31, 43)))
    assert prune(days=7) == Pruned()


def test_an_event_exactly_as_old_as_the_limit_stays(account: Account) -> None:
    a_log(account, 3, NOW - 7 * DAY - timedelta(seconds=1), every_s=1)
    prune(days=7)
    assert log_of(account) == (1, 3, [2, 3])


def test_all_events_may_go_and_numbers_go_on(account: Account) -> None:
    a_log(account, 5, NOW - 8 * DAY)
    assert prune(days=7) == Pruned(5, 1)
    assert log_of(account) == (5, 5, [])
    a_log(account, 2, NOW)
    prune(days=7)
    assert log_of(account) == (5, 7, [6, 7])


def test_events_beyond_the_count_go(account: Account) -> None:
    a_log(account, 42, NOW)
    assert prune(count=12) == Pruned(30, 1)
    assert log_of(account) == (30, 42, list(range(31, 43)))
    assert prune(count=12) == prune(count=13) == Pruned()


@pytest.mark.parametrize(("days", "count", "floor"), [(7, 25, 15), (7, 35, 10), (0, 0, 0), (7, 0, 10), (0, 25, 15)])
def test_what_either_limit_drops_goes(account: Account, days: float, count: int, floor: int) -> None:
    a_log(account, 10, NOW - 8 * DAY)
    a_log(account, 30, NOW)
    prune(days=days, count=count)
    assert log_of(account) == (floor, 40, list(range(floor + 1, 41)))


def test_a_clock_that_was_put_back_makes_no_hole_and_takes_no_young_event(account: Account) -> None:
    a_log(account, 3, NOW - 9 * DAY)
    a_log(account, 2, NOW)
    a_log(account, 4, NOW - 8 * DAY)
    prune(days=7)
    assert log_of(account) == (3, 9, [4, 5, 6, 7, 8, 9])
    prune(days=7, count=3)
    assert log_of(account) == (6, 9, [7, 8, 9])


def test_only_the_accounts_named_are_pruned(account: Account) -> None:
    other = an_account()
    for each in (account, other):
        a_log(each, 10, NOW)
    assert prune(count=4, accounts=[other.pk]) == Pruned(6, 1)
    assert [log_of(each)[0] for each in (account, other)] == [0, 6]


def test_each_stream_is_cut_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "TOGETHER", 3)
    monkeypatch.setattr(retention, "SPAN", 4)
    lengths = {an_account(): length for length in (3, 40, 0, 17, 5, 200, 6)}
    for account, length in lengths.items():
        a_log(account, length, NOW)
        a_log(account, length // 2, NOW, "orders")
    expected = sum(max(0, n - 5) + max(0, n // 2 - 5) for n in lengths.values())
    assert Sweep(Limits(0, 5), NOW).count() == Pruned(expected, 7)
    assert prune(count=5, batch=10) == Pruned(expected, 7)
    for account, length in lengths.items():
        floor = max(0, length - 5)
        assert log_of(account) == (floor, length, list(range(floor + 1, length + 1)))
    assert prune(count=5) == Pruned()


def test_a_dry_count_deletes_nothing(account: Account) -> None:
    a_log(account, 30, NOW - 8 * DAY)
    a_log(account, 12, NOW)
    assert Sweep(Limits(7, 20), NOW).count() == Pruned(30, 1)
    assert log_of(account)[0] == 0
    streams.renew_epochs()
    assert Sweep(Limits(7, 20), NOW).count() == prune(days=7) == Pruned(42, 1)


def test_without_any_account_there_is_nothing_to_do() -> None:
    assert prune(days=7, count=1) == Sweep(Limits(7, 1), NOW).count() == Pruned()


@pytest.mark.parametrize(
    ("days", "count"), [(-1, 0), (float("nan"), 0), (float("inf"), 0), (1e9, 0), (0, -1), (0, 10**13)]
)
def test_limits_that_make_no_sense_are_refused(days: float, count: int) -> None:
    with pytest.raises(ValueError, match="must be from 0"):
        Limits(days, count)


def test_the_database_refuses_a_floor_above_the_head(account: Account) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Stream.objects.filter(account=account).update(floor=1)


# In small steps


def test_a_batch_deletes_no_more_than_it_may_and_leaves_no_hole(account: Account) -> None:
    a_log(account, 95, NOW - 8 * DAY)
    a_log(account, 5, NOW)
    sweep = Sweep(Limits(7, 0), NOW, batch=20)
    floors = []
    while not sweep.finished:
        sweep.step()
        floor, seq, numbers = log_of(account)
        assert numbers == list(range(floor + 1, seq + 1))
        floors.append(floor)
    assert floors == [20, 40, 60, 80, 95]


def test_short_streams_do_not_wait_for_long_ones(account: Account) -> None:
    others = [an_account() for _ in range(3)]
    a_log(account, 1_000, NOW)
    for other in others:
        a_log(other, 12, NOW)
    sweep = Sweep(Limits(0, 10), NOW, batch=40)
    sweep.step()
    assert [log_of(each)[0] for each in (account, *others)] == [10, 2, 2, 2]
    sweep.step()
    assert log_of(account)[0] == 50


def test_the_statements_of_a_step_do_not_grow(account: Account) -> None:
    accounts = [account, *(an_account() for _ in range(9))]
    a_log(account, 2, NOW - 8 * DAY)
    few = statements(Sweep(Limits(7, 100), NOW).step)
    for each in accounts:
        for channel in ("trades", "orders", "positions"):
            a_log(each, 30, NOW - 8 * DAY, channel)
    sweep = Sweep(Limits(7, 20), NOW)
    assert statements(sweep.step) == few <= 8
    assert sweep.finished
    assert sweep.pruned == Pruned(900, 30)
    nothing_due = Sweep(Limits(7, 20), NOW)
    assert statements(nothing_due.step) == 1


def statements(step: Callable[[], None]) -> int:
    """Return how many statements a step takes, with those that begin and end its transaction."""
    with CaptureQueriesContext(connection) as captured:
        step()
    return len(captured)


@pytest.mark.sqlite
def test_a_look_at_a_long_stream_reads_by_its_index(account: Account) -> None:
    a_log(account, 100, NOW)
    sweep = Sweep(Limits(7, 100), NOW)
    with CaptureQueriesContext(connection) as captured:
        sweep.step()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        plan = [row[3] for row in cursor.fetchall() if "realtime_event" in row[3] or " U0" in row[3]]
    assert plan
    assert all("SEARCH" in line and "seq" in line for line in plan), plan


# While others write


def test_pruning_while_others_write_and_prune_leaves_no_hole(account: Account) -> None:
    stop = threading.Event()
    sweeps: list[int] = []

    def write() -> None:
        for _ in range(60):
            execute(account, *[RecordEquity() for _ in range(5)])

    def sweep_on() -> None:
        while not stop.is_set():
            sweep = Sweep(Limits(0, 20), NOW, batch=7)
            while not sweep.finished:
                sweep.step()
            sweeps.append(sweep.pruned.events)

    def look_on() -> int:
        looks = 0
        while not stop.is_set():
            floor, seq, numbers = log_of(account, "asset_curve")
            assert [n for n in numbers if n > floor] == list(range(floor + 1, seq + 1))
            page = streams.after(account.pk, "asset_curve", floor)
            assert [event.seq for event in page] == list(range(floor + 1, floor + 1 + len(page)))
            looks += 1
        return looks

    def alone(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        writers = [pool.submit(alone, write) for _ in range(2)]
        others = [pool.submit(alone, work) for work in (sweep_on, sweep_on, look_on)]
        try:
            for writer in writers:
                writer.result(4 * PATIENCE_S)
        finally:
            stop.set()
        assert [other.result(PATIENCE_S) for other in others][2] > 0
    prune(count=20)
    assert log_of(account, "asset_curve") == (580, 600, list(range(581, 601)))
    assert sum(sweeps) <= 580


# Another history


def test_new_epochs_leave_the_old_history_behind(account: Account) -> None:
    a_log(account, 12, NOW)
    before = {stream.pk: stream.epoch for stream in Stream.objects.all()}
    assert streams.renew_epochs() == 5
    stream = Stream.objects.get(account=account, channel="trades")
    assert (stream.floor, stream.seq) == (12, 12)
    assert all(before[stream.pk] != stream.epoch for stream in Stream.objects.all())
    a_log(account, 1, NOW)
    assert streams.after(account.pk, "trades", 5) == []
    assert [event.seq for event in streams.after(account.pk, "trades", 12)] == [13]
    assert prune() == Pruned(12, 1)
    assert log_of(account) == (12, 13, [13])


def test_new_epochs_for_some_accounts_only(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PAGE", 2)
    others = [an_account() for _ in range(2)]
    before = dict(Stream.objects.values_list("pk", "epoch"))
    assert streams.renew_epochs([other.pk for other in others]) == 10
    changed = {row.account_id for row in Stream.objects.all() if row.epoch != before[row.pk]}
    assert changed == {other.pk for other in others}
    assert Event.objects.count() == 0
