from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Account, AccountAccess, LedgerEntry, User
from accounts.selectors import visible_accounts
from accounts.services import grant_access, open_account
from tests.accounts.given import NOW


def test_opening_enters_the_capital_as_the_first_deposit(account: Account) -> None:
    account.refresh_from_db()
    assert account.cash == account.starting_capital == account.last_equity == account.day_net_deposits == 10_000
    assert (account.day_open_equity, account.day, account.status) == (0, NOW.date(), "active")
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.amount, entry.balance, entry.reason) == ("deposit", 10_000, 10_000, "opening deposit")


def test_an_account_may_open_empty_and_has_no_deposit_then(owner: User) -> None:
    account = open_account(owner=owner, name="Empty", starting_capital=Decimal(0), now=NOW)
    assert account.cash == 0
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"starting_capital": Decimal("-0.000001")},
        {"starting_capital": Decimal("0.0000001")},
        {"starting_capital": Decimal("NaN")},
        {"starting_capital": Decimal("1e13")},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "Main"},
        {"status": "closed"},
    ],
)
def test_a_bad_account_is_refused_and_leaves_nothing(account: Account, owner: User, changes) -> None:
    with pytest.raises(ValidationError):
        open_account(**{"owner": owner, "name": "Other", "starting_capital": Decimal(1), "now": NOW, **changes})
    assert Account.objects.count() == LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(("role", "sees"), [("owner", True), ("trader", True), ("viewer", True), (None, False)])
def test_who_sees_an_account(account: Account, owner: User, stranger: User, role: str | None, sees: bool) -> None:
    user = owner if role == "owner" else stranger
    # Others' access must neither leak nor repeat the account.
    for index in range(3):
        other = User.objects.create_user(f"other{index}")
        grant_access(account=account, user=other, role="trader")
    if role in ("trader", "viewer"):
        grant_access(account=account, user=user, role=role)
    assert list(visible_accounts(user.pk)) == [account] * sees


def test_accounts_come_by_id_each_once(owner: User, stranger: User) -> None:
    made = [
        open_account(owner=user, name=name, starting_capital=Decimal(0), now=NOW)
        for user, name in [(stranger, "Z"), (owner, "Y"), (stranger, "X"), (owner, "W")]
    ]
    grant_access(account=made[0], user=owner, role="viewer")
    grant_access(account=made[1], user=owner, role="trader")
    assert list(visible_accounts(owner.pk)) == [made[0], made[1], made[3]]
    assert visible_accounts(owner.pk).count() == 3


def test_a_role_given_again_replaces_the_first(account: Account, stranger: User) -> None:
    grant_access(account=account, user=stranger, role="viewer")
    grant_access(account=account, user=stranger, role="trader")
    assert AccountAccess.objects.get().role == "trader"
    with pytest.raises(ValidationError):
        grant_access(account=account, user=stranger, role="owner")
