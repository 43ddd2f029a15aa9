"""Who may trade on what, asked of the database with every request."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from accounts.models import Account, SessionToken, User
from accounts.services import revoke_token
from tests.builders import a_token, a_user, access, an_account, an_order, set_price, token_row
from tests.desk.given import DEPOSIT, everything
from trading.authority import Actor
from trading.desk import Desk, Done, Request, desk
from trading.domain.commands import CancelAllOrders, Command, MoveCash
from trading.market.board import board

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _price(db: None) -> None:
    set_price("BTC", "67000")


class People:
    """An account, and everybody who wants something of it."""

    def __init__(self) -> None:
        self.account: Account = an_account()
        self.owner: User = self.account.owner
        self.trader, self.viewer, self.stranger, self.staff = a_user(), a_user(), a_user(), a_user()
        self.root = a_user(is_superuser=True)
        access(self.account, self.trader, "trader")
        access(self.account, self.viewer, "viewer")
        self.staff.user_permissions.add(may_act())

    def actor(self, who: str, scope: str, state: str = "valid", acting_as: str | None = None) -> Actor:
        user: User = getattr(self, who)
        token = token_row(a_token(user, scope))
        if state == "expired":
            SessionToken.objects.filter(pk=token.pk).update(expiry=timezone.now())
        elif state == "revoked":
            revoke_token(token=token, now=timezone.now())
        elif state == "deleted":
            token.delete()
        elif state == "inactive":
            User.objects.filter(pk=user.pk).update(is_active=False)
        return Actor(token.pk, getattr(self, acting_as or who).pk, user.pk)


def may_act() -> Permission:
    return Permission.objects.get(codename="act_as_user")


ROWS: list[tuple[str, str, str, str | None, str | None]] = [
    # who, the token's scope and state, acting as, the code expected (None: done)
    ("owner", "trade", "valid", None, None),
    ("owner", "read", "valid", None, "forbidden"),
    ("trader", "trade", "valid", None, None),
    ("trader", "read", "valid", None, "forbidden"),
    ("viewer", "trade", "valid", None, "forbidden"),
    ("viewer", "read", "valid", None, "forbidden"),
    ("stranger", "trade", "valid", None, "not_found"),
    ("stranger", "read", "valid", None, "not_found"),
    ("root", "trade", "valid", None, "not_found"),
    ("staff", "trade", "valid", "owner", None),
    ("staff", "trade", "valid", "trader", None),
    ("staff", "trade", "valid", "viewer", "forbidden"),
    ("staff", "trade", "valid", "stranger", "not_found"),
    ("staff", "read", "valid", "owner", "forbidden"),
    ("root", "trade", "valid", "owner", None),
    ("trader", "trade", "valid", "owner", "forbidden"),
    ("stranger", "trade", "valid", "owner", "forbidden"),
    *[
        (who, scope, state, acting_as, "session_expired")
        for who, acting_as in (("owner", None), ("trader", None), ("stranger", None), ("staff", "owner"))
        for scope in ("trade", "read")
        for state in ("expired", "revoked", "deleted", "inactive")
    ],
]


@pytest.mark.parametrize(("who", "scope", "state", "acting_as", "code"), ROWS)
def test_who_may_trade(who: str, scope: str, state: str, acting_as: str | None, code: str | None) -> None:
    people = People()
    actor = people.actor(who, scope, state, acting_as)
    before = everything()
    commands: list[Command] = [an_order("0.01"), CancelAllOrders(), MoveCash(DEPOSIT, an_order("1").size)]
    answers = desk.execute([Request(people.account.pk, command, actor) for command in commands])
    assert [getattr(answer, "code", None) for answer in answers] == [code] * 3
    assert (everything() == before) == (code is not None)


def test_an_account_that_is_not_there_looks_like_one_that_may_not_be_seen() -> None:
    people = People()
    actor = people.actor("stranger", "trade")
    hidden, missing = desk.execute([Request(pk, an_order(), actor) for pk in (people.account.pk, 10**9)])
    assert getattr(hidden, "code", None) == getattr(missing, "code", None) == "not_found"
    assert str(hidden).replace(str(people.account.pk), "?") == str(missing).replace(str(10**9), "?")


def test_a_permission_may_come_from_a_group_and_ends_with_it() -> None:
    people = People()
    group = Group.objects.create(name="desk")
    group.permissions.add(may_act())
    people.stranger.groups.add(group)
    actor = people.actor("stranger", "trade", acting_as="owner")
    request = Request(people.account.pk, an_order("0.01"), actor)
    assert isinstance(desk.execute([request])[0], Done)
    people.stranger.groups.clear()
    assert getattr(desk.execute([request])[0], "code", None) == "forbidden"


def test_access_that_was_taken_away_counts_at_once() -> None:
    people = People()
    request = Request(people.account.pk, an_order("0.01"), people.actor("trader", "trade"))
    assert isinstance(desk.execute([request])[0], Done)
    people.account.accesses.all().delete()
    assert getattr(desk.execute([request])[0], "code", None) == "not_found"


@pytest.mark.parametrize(("before", "code"), [(timedelta(microseconds=1), None), (timedelta(0), "session_expired")])
def test_a_token_is_good_until_the_moment_it_expires(before: timedelta, code: str | None) -> None:
    people = People()
    actor = people.actor("owner", "trade")
    expiry = datetime(2040, 1, 1, tzinfo=UTC)
    SessionToken.objects.filter(pk=actor.token).update(expiry=expiry)
    own = Desk(board, clock=lambda: expiry - before)
    [answer] = own.execute([Request(people.account.pk, an_order("0.01"), actor)])
    assert getattr(answer, "code", None) == code


def test_each_request_of_a_batch_is_judged_by_itself() -> None:
    people = People()
    other = an_account(people.owner)
    asked: list[tuple[Account, Any]] = [
        (people.account, people.actor("viewer", "trade")),
        (people.account, people.actor("trader", "trade")),
        (other, people.actor("trader", "trade")),
        (other, people.actor("owner", "trade")),
        (other, people.actor("staff", "trade", acting_as="owner")),
        (other, None),
    ]
    answers = desk.execute([Request(account.pk, an_order("0.01"), actor) for account, actor in asked])
    codes = [getattr(answer, "code", None) for answer in answers]
    assert codes == ["forbidden", None, "not_found", None, None, None]
