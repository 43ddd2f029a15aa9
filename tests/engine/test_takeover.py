"""Another engine takes over in under five seconds, wherever the first one died, and nothing is done twice."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, LedgerEntry
from tests.builders import an_account, an_order
from trading.desk import Desk, Done, Request, Unavailable
from trading.domain.book import Book, levels_from
from trading.domain.commands import MatchOrder, RecordEquity
from trading.domain.market import Quote
from trading.engine import Engine
from trading.lease import LeaseLost
from trading.market.board import Board
from trading.models import EquityPoint, Order, Trade
from trading.prices import store
from trading.reconciling import AccountCheck

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 4, 9, 12, 59, 50, tzinfo=UTC)
TICK = timedelta(seconds=0.25)
TAKEN_OVER_WITHIN = timedelta(seconds=5)


class Dying(Desk):
    """A desk whose process dies with the request number `dies_at`, before it is carried out."""

    dies_at = 10**9
    given = 0

    def submit(self, request: Request) -> Any:
        self.given += 1
        if self.given >= self.dies_at:
            raise Unavailable("the process is gone")
        return super().submit(request)


class World:
    """Two engines on one database, each with a desk and a board of its own, and the clock that both see."""

    def __init__(self) -> None:
        self.now = START
        self.desks = [Dying(Board(), lambda: self.now) for _ in range(2)]
        self.first, self.second = (Engine(desk, lambda: self.now) for desk in self.desks)

    def put(self, mark: str, asks: str = "100") -> None:
        price = Decimal(mark)
        book = Book(levels_from([[str(price - 1), "100"]]), levels_from([[str(price + 1), asks]]))
        store([Quote("BTC", price, self.now, price, book, expires=False)])

    def step(self, engine: Engine) -> None:
        self.now += TICK
        engine.step(self.now)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    for desk in made.desks:
        desk.close()


def resting(world: World, number: int) -> list[Account]:
    """Open accounts that are long and bid below the market."""
    accounts = [an_account() for _ in range(number)]
    world.put("67000")
    world.step(world.first)
    for account in accounts:
        for order in (an_order("0.01"), an_order("0.01", price="66500")):
            [answer] = world.desks[0].execute([Request(account.pk, order)])
            assert isinstance(answer, Done), answer
    return accounts


@pytest.mark.parametrize("done_before", [0, 1, 2, 3])
def test_resting_orders_are_filled_once(world: World, done_before: int) -> None:
    accounts = resting(world, 3)
    world.now += timedelta(seconds=1)
    world.put("66000")
    dying = world.desks[0]
    dying.dies_at = dying.given + done_before + 1
    with suppress(Unavailable):
        world.step(world.first)
    died = world.now
    while not world.second.leads:
        world.step(world.second)
    assert world.now - died < TAKEN_OVER_WITHIN
    world.step(world.second)
    fills = Counter(Trade.objects.filter(price=66_500).values_list("account_id", flat=True))
    assert fills == {account.pk: 1 for account in accounts}
    # The first one was only cut off, and goes on where it was: it is refused whatever it wants.
    dying.dies_at = 10**9
    orders = Order.objects.filter(price=66_500)
    late = [Request(order.account_id, MatchOrder(order.pk), fence=world.first.lease) for order in orders]
    late += [Request(account.pk, RecordEquity(), fence=world.first.lease) for account in accounts]
    points = EquityPoint.objects.count()
    assert {type(answer) for answer in dying.execute(late)} == {LeaseLost}
    for _ in range(8):
        world.step(world.first)
    assert not world.first.leads
    assert (Trade.objects.filter(price=66_500).count(), EquityPoint.objects.count()) == (3, points)


def test_a_step_that_takes_longer_than_the_lease_keeps_it(world: World, settings: Any) -> None:
    settings.HYPERORU_BATCH_SIZE = 1
    accounts = resting(world, 20)
    world.put("66000")

    class Slow(Desk):
        def submit(self, request: Request) -> Any:
            world.now += timedelta(seconds=0.5)
            world.second.step(world.now)
            return super().submit(request)

    world.first.desk = Slow(world.desks[0].board, lambda: world.now)
    began = world.now
    world.step(world.first)
    world.first.desk.close()
    assert world.now - began > 2 * TAKEN_OVER_WITHIN
    assert world.first.leads
    assert not world.second.leads
    assert Trade.objects.filter(price=66_500).count() == len(accounts)


def test_an_hours_funding_is_paid_once_wherever_the_first_one_died(world: World, settings: Any) -> None:
    settings.HYPERORU_BATCH_SIZE = 2
    accounts = resting(world, 5)
    paid = 0
    while paid == 0 and world.now < START + timedelta(minutes=2):
        world.put("67000")
        world.step(world.first)
        paid = LedgerEntry.objects.filter(kind="funding").count()
    assert paid, "the hour was not settled"
    while world.now < START + timedelta(minutes=4) and not world.second.leads:
        world.step(world.second)
    for _ in range(40):
        world.put("67000")
        world.step(world.second)
        world.first.step(world.now)
    entries = LedgerEntry.objects.filter(kind="funding").values_list("account_id", "key")
    assert Counter(account_id for account_id, _ in entries) == {account.pk: 1 for account in accounts}
    assert len({key for _, key in entries}) == 1
    for account in accounts:
        check = AccountCheck(account.pk)
        check.step()
        assert check.first is None, str(check.first)


def test_equity_is_recorded_once_for_each_time(world: World) -> None:
    accounts = resting(world, 3)
    for number in range(160):
        world.step(world.first if number < 40 else world.second)
        if number >= 40:
            world.first.step(world.now)
    for account in accounts:
        moments = list(
            EquityPoint.objects.filter(account=account, timestamp__gt=START + timedelta(seconds=20))
            .order_by("timestamp")
            .values_list("timestamp", flat=True)
        )
        assert len(moments) == len(set(moments)) > 1
