"""The command that compares accounts with their history."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import Account
from tests.builders import an_account
from tests.reconciling.given import a_busy_account, tamper

pytestmark = pytest.mark.django_db


def run(*words: str) -> tuple[str, int]:
    """Return what the command printed, and the code that it ended with."""
    out = StringIO()
    try:
        call_command("reconcile", *words, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


@pytest.fixture
def account(db: None) -> Account:
    an_account()
    return a_busy_account()


def test_where_all_agrees(account: Account) -> None:
    assert run() == ("2 accounts, 5 trades: no difference.\n", 0)
    assert run("--quiet") == ("", 0)
    assert run(str(account.pk)) == ("1 accounts, 5 trades: no difference.\n", 0)
    told = {"accounts": 2, "trades": 5, "differences": 0, "differing": []}
    assert json.loads(run("--json")[0]) == told


def test_a_difference_is_named_and_ends_it_with_code_1(account: Account) -> None:
    tamper("accounts_account", "cash", "cash + 1000000", f"id = {account.pk}")
    account.refresh_from_db()
    expected, found = f"{account.cash - 1:f}", f"{account.cash:f}"
    line = f"Account {account.pk}: account {account.pk}, cash: expected {expected}, found {found} (differences: 1)\n"
    assert run("--quiet") == (line, 1)
    assert run() == (f"{line}2 accounts, 5 trades: 1 differences in 1 of them.\n", 1)
    out, code = run("--json", str(account.pk))
    first = {"figure": "account.cash", "row": account.pk, "expected": expected, "found": found}
    assert (json.loads(out)["differing"], code) == (
        [{"account": account.pk, "differences": 1, "first": first}],
        1,
    )


def test_only_the_accounts_named(account: Account) -> None:
    other = an_account()
    tamper("accounts_account", "cash", "cash + 1", f"id = {account.pk}")
    assert run(str(other.pk)) == ("1 accounts, 0 trades: no difference.\n", 0)
    with pytest.raises(CommandError, match="There is no account 987654"):
        run("987654")
