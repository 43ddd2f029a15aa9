"""The commands that cut the event log and begin it anew."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Account
from hyperoru.environment import check_limit
from realtime.management.commands import prune_events
from realtime.models import Stream
from tests.builders import an_account
from tests.commands.processes import Place
from tests.realtime.logs import a_log, log_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    """Return an account whose trades are 1,200 old events and 10 young ones."""
    made = an_account()
    a_log(made, 1_200, timezone.now() - timedelta(days=30))
    a_log(made, 10, timezone.now())
    return made


def run(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_pruning_by_the_limits_of_the_settings(account: Account, settings: Any) -> None:
    settings.HYPERORU_EVENTS_KEEP_DAYS, settings.HYPERORU_EVENTS_KEEP_COUNT = 7.0, 100
    assert run("prune_events") == "Pruned 1,200 events of 1 streams.\n"
    assert log_of(account) == (1_200, 1_210, list(range(1_201, 1_211)))
    assert run("prune_events") == "Pruned 0 events of 0 streams.\n"


def test_pruning_by_other_limits(account: Account) -> None:
    assert run("prune_events", "--days", "31", "--keep", "1000") == "Pruned 210 events of 1 streams.\n"
    assert run("prune_events", "--days", "0", "--keep", "0") == "Pruned 0 events of 0 streams.\n"
    assert run("prune_events", "--days", "0.5", "--keep", "0") == "Pruned 990 events of 1 streams.\n"
    assert run("prune_events", "--keep", "3", verbosity=0) == ""
    assert log_of(account)[0] == 1_207


def test_a_dry_run_tells_and_deletes_nothing(account: Account) -> None:
    assert run("prune_events", "--dry-run") == "Would prune 1,200 events of 1 streams.\n"
    assert log_of(account)[0] == 0


def test_the_json_is_all_that_is_printed(account: Account) -> None:
    told = {"events": 1_200, "streams": 1}
    assert json.loads(run("prune_events", "--json", "--dry-run")) == {**told, "dry_run": True}
    assert json.loads(run("prune_events", "--json")) == {**told, "dry_run": False}


def test_only_the_accounts_named(account: Account) -> None:
    other = an_account()
    a_log(other, 5, timezone.now())
    a_log(account, 5, timezone.now(), "orders")
    assert run("prune_events", "--keep", "1", "--account", str(other.pk)) == "Pruned 4 events of 1 streams.\n"
    assert log_of(account)[0] == 0
    assert run("renew_epochs", "--account", str(other.pk)) == "Renewed the epochs of 5 streams.\n"


def test_long_work_tells_how_far_it_is(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_events, "TELL_EVERY_S", 0.0)
    told = run("prune_events").splitlines()
    assert told == ["1,000 events so far …", "1,200 events so far …", "Pruned 1,200 events of 1 streams."]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["prune_events", "--days=-1"], "days to keep must be from 0"),
        (["prune_events", "--days", "nan"], "days to keep must be from 0"),
        (["prune_events", "--days", "soon"], "invalid float value"),
        (["prune_events", "--keep=-5"], "number of events to keep must be from 0"),
        (["prune_events", "--keep", "1.5"], "invalid int value"),
        (["prune_events", "--account", "99", "98"], "There is no account 98, 99."),
        (["prune_events", "--account", "9" * 30], "There is no account 999"),
        (["prune_events", "--account"], "expected at least one argument"),
        (["renew_epochs", "--account", "99"], "There is no account 99."),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(words: list[str], told: str, account: Account) -> None:
    epochs = set(Stream.objects.values_list("epoch", flat=True))
    with pytest.raises(CommandError, match=told):
        run(*words)
    assert log_of(account)[0] == 0
    assert set(Stream.objects.values_list("epoch", flat=True)) == epochs


def test_new_epochs_for_all(account: Account) -> None:
    epochs = set(Stream.objects.values_list("epoch", flat=True))
    assert run("renew_epochs") == "Renewed the epochs of 5 streams.\n"
    assert not epochs & set(Stream.objects.values_list("epoch", flat=True))
    assert json.loads(run("prune_events", "--json"))["events"] == 1_210


@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("inf"), 11])
def test_a_setting_that_makes_no_sense_is_refused(value: float) -> None:
    check_limit("HYPERORU_SOME_LIMIT", 10, most=10)
    check_limit("HYPERORU_SOME_LIMIT", 0, most=10)
    with pytest.raises(ImproperlyConfigured, match="HYPERORU_SOME_LIMIT"):
        check_limit("HYPERORU_SOME_LIMIT", value, most=10)


@pytest.mark.parametrize("name", ["EVENTS_KEEP_DAYS", "EVENTS_KEEP_COUNT", "PRUNE_EVERY_S"])
def test_no_process_starts_with_such_a_setting(name: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=f"HYPERORU_{name} is -1"):
        Place(tmp_path, **{f"HYPERORU_{name}": "-1"}).manage("check")
