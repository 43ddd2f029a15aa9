"""What an account may give in a while: orders and cancels apart, whoever gives them, each paid once."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from accounts.models import Account, User
from tests.builders import a_token, a_user, access, an_account, an_order, set_price, token_row
from trading import desk as desk_module
from trading import storage
from trading.authority import Actor
from trading.buckets import MILLISECOND
from trading.desk import Answer, Desk, Request
from trading.domain.commands import CancelAllOrders, CancelOrder, Command
from trading.domain.errors import RateLimited
from trading.limits import AccountLimits
from trading.market.board import board

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2040, 1, 1, tzinfo=UTC)


class Clock:
    """The time of day, and the clock that goes forward."""

    now = NOW
    monotonic = 0

    def __call__(self) -> datetime:
        return self.now

    def advance(self, milliseconds: int) -> None:
        self.now += timedelta(milliseconds=milliseconds)
        self.monotonic += milliseconds * MILLISECOND


class World:
    """An account with an owner, and a desk with a clock that stands."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.desk = Desk(board, self.clock)
        self.desk.limits = AccountLimits(lambda: self.clock.monotonic)
        self.account: Account = an_account()

    def actor(self, user: User | None = None) -> Actor:
        user = user or self.account.owner
        token = token_row(a_token(user, lifetime=None))
        return Actor(token.pk, user.pk, user.pk)

    def ask(self, actor: Actor | None, *commands: Command, account: Account | None = None) -> list[str | None]:
        """Let the desk carry out commands in one batch; return the codes of their refusals, None where done."""
        account_id = (account or self.account).pk
        answers = self.desk.execute([Request(account_id, command, actor) for command in commands])
        return [getattr(answer, "code", None) for answer in answers]


@pytest.fixture
def world(transactional_db: None, settings: Any) -> World:
    settings.HYPERORU_ORDERS_PER_S = 2.0
    settings.HYPERORU_ORDERS_BURST = 3
    settings.HYPERORU_CANCELS_PER_S = 4.0
    settings.HYPERORU_CANCELS_BURST = 5
    set_price("BTC", "67000")
    return World()


def orders(number: int) -> list[Command]:
    return [an_order("0.001") for _ in range(number)]


LIMITED = "rate_limited"


def test_orders_beyond_the_burst_are_refused_and_told_when_to_come_back(world: World) -> None:
    owner = world.actor()
    assert world.ask(owner, *orders(5)) == [None, None, None, LIMITED, LIMITED]
    [refusal] = world.desk.execute([Request(world.account.pk, an_order(), owner)])
    assert getattr(refusal, "retry_after_ms", None) == 500
    world.clock.advance(499)
    assert world.ask(owner, *orders(1)) == [LIMITED]
    world.clock.advance(1)
    assert world.ask(owner, *orders(2)) == [None, LIMITED]


@pytest.mark.parametrize("back", [timedelta(seconds=30), timedelta(hours=1), timedelta(days=-1)])
def test_who_waits_as_told_is_served_though_the_time_of_day_was_set(world: World, back: timedelta) -> None:
    owner = world.actor()
    assert world.ask(owner, *orders(4))[-1] == LIMITED
    world.clock.now -= back
    assert world.ask(owner, *orders(1)) == [LIMITED]
    for _ in range(3):
        [refusal] = world.desk.execute([Request(world.account.pk, an_order(), owner)])
        world.clock.advance(getattr(refusal, "retry_after_ms", 0))
        assert world.ask(owner, *orders(2)) == [None, LIMITED]


def test_cancels_have_a_bucket_of_their_own(world: World) -> None:
    owner = world.actor()
    assert world.ask(owner, *orders(4))[-1] == LIMITED
    both: list[Command] = [CancelAllOrders(), CancelOrder(client_order_id="no such order")]
    assert world.ask(owner, *both * 3) == [None, "not_found", None, "not_found", None, LIMITED]
    world.clock.advance(250)
    assert world.ask(owner, CancelAllOrders(), *orders(1)) == [None, LIMITED]


def test_all_who_trade_for_an_account_share_its_buckets(world: World) -> None:
    trader = a_user()
    access(world.account, trader, "trader")
    assert world.ask(world.actor(), *orders(2)) == [None, None]
    assert world.ask(world.actor(trader), *orders(2)) == [None, LIMITED]


def test_accounts_do_not_share_buckets(world: World) -> None:
    owner, other = world.actor(), an_account(world.account.owner)
    assert world.ask(owner, *orders(4))[-1] == LIMITED
    assert world.ask(owner, *orders(3), account=other) == [None] * 3


@pytest.mark.parametrize("role", [None, "viewer"])
def test_who_may_not_trade_takes_nothing_from_who_may(world: World, role: str | None) -> None:
    outsider = a_user()
    if role is not None:
        access(world.account, outsider, role)
    denied = "not_found" if role is None else "forbidden"
    assert world.ask(world.actor(outsider), *orders(10), *[CancelAllOrders()] * 10) == [denied] * 20
    assert world.ask(world.actor(), *orders(3), *[CancelAllOrders()] * 5) == [None] * 8


def test_the_house_is_not_limited_and_takes_nothing(world: World) -> None:
    assert world.ask(None, *orders(10), *[CancelAllOrders()] * 10) == [None] * 20
    assert world.ask(world.actor(), *orders(4)) == [None, None, None, LIMITED]


def test_an_order_that_the_exchange_refuses_is_paid_for(world: World) -> None:
    owner = world.actor()
    assert world.ask(owner, *[an_order("100")] * 3) == ["insufficient_margin"] * 3
    assert world.ask(owner, *orders(1)) == [LIMITED]


@pytest.mark.parametrize("off", ["PER_S", "BURST"])
def test_a_limit_of_0_is_none(world: World, settings: Any, off: str) -> None:
    for kind in ("ORDERS", "CANCELS"):
        setattr(settings, f"HYPERORU_{kind}_{off}", 0)
    assert world.ask(world.actor(), *orders(10), *[CancelAllOrders()] * 10) == [None] * 20


# Paid once


def failing(times: int, error: Exception, when: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
    """Return a `storage.write` that fails a number of times, where its arguments are so."""
    left = [times]

    def write(*arguments: Any) -> Any:
        if left[0] and when(*arguments):
            left[0] -= 1
            raise error
        return storage.write(*arguments)

    return write


class Storage:
    """The storage with another `write`."""

    def __init__(self, write: Callable[..., Any]) -> None:
        self.write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(storage, name)


def test_a_batch_that_is_tried_again_pays_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "storage", Storage(failing(2, OperationalError("locked"))))
    owner = world.actor()
    assert world.ask(owner, *orders(3)) == [None] * 3
    assert world.ask(owner, *orders(1)) == [LIMITED]


def test_requests_that_are_tried_each_alone_pay_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    several = failing(1, DatabaseError("no"), when=lambda told, *_: len({id(fact) for _, fact in told}) > 3)
    monkeypatch.setattr(desk_module, "storage", Storage(several))
    owner = world.actor()
    assert world.ask(owner, *orders(4)) == [None, None, None, LIMITED]


def test_a_batch_that_breaks_in_the_queue_pays_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "storage", Storage(failing(1, ZeroDivisionError())))
    owner = world.actor()
    batch = [(Request(world.account.pk, command, owner), Future[Answer]()) for command in orders(4)]
    world.desk._answer(batch)
    assert [getattr(future.result(), "code", None) for _, future in batch] == [None, None, None, LIMITED]


def test_a_request_that_the_database_did_not_take_costs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = world.actor()
    with monkeypatch.context() as broken:
        broken.setattr(desk_module, "storage", Storage(failing(99, OperationalError("gone"))))
        assert world.ask(owner, *orders(3)) == ["unavailable"] * 3
    assert world.ask(owner, *orders(4)) == [None, None, None, LIMITED]


# The buckets behind it


def test_threads_together_get_no_more_than_the_burst(settings: Any) -> None:
    settings.HYPERORU_ORDERS_BURST = 40
    limits = AccountLimits(lambda: 0)

    def charge(_: int) -> int:
        with limits.charging() as charges:
            served = sum(charges.refusal(1, an_order()) is None for _ in range(20))
            charges.settle()
            return served

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(charge, range(8))) == 40


def test_the_clock_of_the_limits_goes_forward(settings: Any) -> None:
    settings.HYPERORU_ORDERS_PER_S, settings.HYPERORU_ORDERS_BURST = 20.0, 1
    limits = AccountLimits()

    def take() -> RateLimited | None:
        with limits.charging() as charges:
            return charges.refusal(1, an_order())

    assert take() is None
    refusal = take()
    assert refusal is not None
    assert refusal.retry_after_ms is not None
    time.sleep(refusal.retry_after_ms / 1_000)
    assert take() is None
