"""The leading engine prunes the event log: at its times, and a batch in each step."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import Account
from realtime import housekeeping, retention
from realtime.housekeeping import Pruner
from realtime.retention import Sweep
from tests.builders import an_account
from tests.realtime.logs import a_log, log_of
from trading.desk import Desk
from trading.engine import Engine
from trading.market.board import Board

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 4, 9, 12, tzinfo=UTC)
OLD = START - timedelta(days=8)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def account() -> Account:
    return an_account()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = list(Sweep.__init__.__defaults__ or ())
    monkeypatch.setattr(Sweep.__init__, "__defaults__", (*defaults[:-1], 20))


@pytest.fixture
def engine() -> Iterator[Engine]:
    desk = Desk(Board(), lambda: START)
    yield Engine(desk, lambda: START)
    desk.close()


def test_a_step_of_the_leader_ends_with_the_batch_in_which_its_time_is_up(
    account: Account, engine: Engine, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "STEP_S", 0.0)
    a_log(account, 50, OLD)
    floors = []
    for number in range(4):
        engine.step(at(number * 0.25))
        floors.append(log_of(account)[0])
    assert floors == [20, 40, 50, 50]


def test_a_step_goes_on_while_it_has_time(
    account: Account, engine: Engine, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "STEP_S", 3_600.0)
    a_log(account, 50, OLD)
    engine.step(START)
    assert log_of(account) == (50, 50, [])


def test_an_engine_that_waits_prunes_nothing(account: Account, engine: Engine) -> None:
    engine.step(START)
    a_log(account, 5, OLD)
    Engine(engine.desk).step(at(1))
    assert log_of(account)[0] == 0


def test_a_sweep_begins_at_its_times_only(account: Account, settings: Any) -> None:
    settings.HYPERORU_PRUNE_EVERY_S = 60.0
    pruner = Pruner()
    floors = []
    for seconds in (0, 1, 59.9, 60, 61, 120):
        a_log(account, 1, OLD)
        pruner.step(at(seconds))
        floors.append(log_of(account)[0])
    assert floors == [1, 1, 1, 4, 4, 6]


def test_a_clock_that_was_put_back_does_not_hold_up_the_next_sweep(account: Account) -> None:
    pruner = Pruner()
    pruner.step(at(86_400))
    a_log(account, 3, OLD)
    pruner.step(START)
    assert log_of(account)[0] == 3


def test_an_interval_of_0_turns_it_off(account: Account, settings: Any) -> None:
    settings.HYPERORU_PRUNE_EVERY_S = 0.0
    a_log(account, 3, OLD)
    Pruner().step(START)
    assert log_of(account)[0] == 0


def test_the_limits_are_those_of_the_settings(account: Account, settings: Any) -> None:
    settings.HYPERORU_EVENTS_KEEP_DAYS, settings.HYPERORU_EVENTS_KEEP_COUNT = 0.0, 4
    a_log(account, 10, OLD)
    Pruner().step(START)
    assert log_of(account)[0] == 6


def test_a_sweep_that_fails_is_given_up_until_the_next(
    account: Account, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[list[int]] = []

    def fail(ids: list[int]) -> Any:
        asked.append(ids)
        raise OperationalError("the disk is full")

    a_log(account, 3, OLD)
    with monkeypatch.context() as patch:
        patch.setattr(retention, "_beneath_floor", fail)
        engine.step(START)
        engine.step(at(1))
    assert engine.leads
    assert len(asked) == 1
    assert "the disk is full" in caplog.text
    assert log_of(account) == (0, 3, [1, 2, 3])
    engine.step(at(2))
    assert log_of(account)[0] == 0
    engine.step(at(60))
    assert log_of(account) == (3, 3, [])


def test_what_was_pruned_is_logged_once(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    a_log(account, 3, OLD)
    pruner = Pruner()
    with caplog.at_level("INFO"):
        pruner.step(START)
        pruner.step(at(60))
    assert [record.message for record in caplog.records] == ["Pruned 3 events of 1 streams"]
