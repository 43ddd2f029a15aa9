"""The command that compares accounts with their history."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.models import Account, LedgerEntry
from accounts.services import house_account
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
    told = {"accounts": 2, "trades": 5, "differences": 0, "differing": [], "venue": None}
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


def test_what_did_not_arrive_at_the_house_is_named(account: Account) -> None:
    """Both of an account's rows are changed alike: it agrees with itself, and the venue does not."""
    amount, house = Decimal("12.5"), house_account(timezone.now())
    account.refresh_from_db()
    for each, sign in ((account, -1), (house, 1)):
        LedgerEntry.objects.create(
            account=each, kind="backstop", amount=sign * amount, balance=each.cash + sign * amount,
            created_at=timezone.now(),
        )  # fmt: skip
        Account.objects.filter(pk=each.pk).update(cash=each.cash + sign * amount)
    assert run() == ("3 accounts, 5 trades: no difference.\n", 0)
    LedgerEntry.objects.create(account=house, kind="bad_debt", amount=-1, balance=amount - 1, created_at=timezone.now())
    Account.objects.filter(pk=house.pk).update(cash=amount - 1)
    line = "Venue: ledger entries, between accounts and the house: expected 0, found -1 (differences: 1)\n"
    assert run("--quiet") == (line, 1)
    assert run(str(house.pk))[1] == 0
    told = json.loads(run("--json")[0])
    assert (told["differences"], told["differing"], told["venue"]["found"]) == (1, [], "-1")


def test_only_the_accounts_named(account: Account) -> None:
    other = an_account()
    tamper("accounts_account", "cash", "cash + 1", f"id = {account.pk}")
    assert run(str(other.pk)) == ("1 accounts, 0 trades: no difference.\n", 0)
    with pytest.raises(CommandError, match="There is no account 987654"):
        run("987654")
