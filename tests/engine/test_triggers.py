"""Triggers, brackets and deadlines in the running engine."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from tests.builders import an_account, an_order
from tests.desk.given import everything
from trading.crossing import triggered
from trading.desk import Desk, Done, Request
from trading.domain.commands import Bracket, CancelAfter, CancelOrder, Command, FireTrigger
from trading.domain.enums import OrderType
from trading.domain.market import Quote
from trading.engine import Engine
from trading.market.board import Board
from trading.models import Order, Position, Trade
from trading.prices import market_now, store

pytestmark = pytest.mark.django_db(transaction=True)


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 4, 9, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make_engine(time: Time, settings: Any) -> Any:
    settings.HYPERORU_MARKET = "manual"
    desks: list[Desk] = []

    def make() -> Engine:
        desks.append(Desk(Board(), time))
        return Engine(desks[-1], time)

    yield make
    for desk in desks:
        desk.close()


@pytest.fixture
def engine(make_engine: Callable[[], Engine], time: Time) -> Engine:
    engine = make_engine()
    tick(engine, time, "68500")
    return engine


def tick(engine: Engine, time: Time, mark: str) -> None:
    """Put a price and let the engine look at it."""
    time.now += timedelta(seconds=1)
    store([Quote("BTC", Decimal(mark), time.now, None, None, expires=False)])
    engine.step(time.now)


def give(engine: Engine, account: Account, command: Command) -> Done:
    [answer] = engine.desk.execute([Request(account.pk, command)])
    assert isinstance(answer, Done), answer
    return answer


def a_stop(trigger: str, **values: Any) -> Any:
    values = {"side": "sell", "reduce_only": True, **values}
    return replace(an_order("0.01", **values), order_type=OrderType.STOP_MARKET, trigger_price=Decimal(trigger))


def a_bracketed(price: str | None = None, stop: str = "67000", profit: str = "70000") -> Any:
    order = an_order("0.01", price=price)
    return replace(order, stop_loss=Bracket(Decimal(stop)), take_profit=Bracket(Decimal(profit)))


def statuses(account: Account) -> list[tuple[str, str]]:
    return list(Order.objects.filter(account=account).order_by("id").values_list("status", "reason"))


def test_a_stop_fires_on_the_mark_and_only_once(engine: Engine, time: Time) -> None:
    account = an_account()
    give(engine, account, an_order("0.01"))
    give(engine, account, a_stop("67000"))
    tick(engine, time, "67000.1")
    assert statuses(account) == [("filled", ""), ("pending_trigger", "")]
    tick(engine, time, "67000")
    assert statuses(account) == [("filled", ""), ("filled", "")]
    fired = Order.objects.get(order_type="stop_market")
    assert fired.triggered_at == time.now
    tick(engine, time, "66000")
    assert Trade.objects.filter(account=account).count() == 2
    assert not Position.objects.get(account=account).size


def test_the_life_of_a_bracket(engine: Engine, time: Time) -> None:
    account = an_account()
    done = give(engine, account, a_bracketed("68000", stop="67000", profit="68400"))
    parent, stop, profit = done.orders
    assert (stop.parent_ref, profit.parent_ref) == (parent.ref, parent.ref)
    tick(engine, time, "68450")
    assert statuses(account) == [("open", ""), ("pending_trigger", ""), ("pending_trigger", "")]
    tick(engine, time, "67900")
    assert statuses(account) == [("filled", ""), ("pending_trigger", ""), ("pending_trigger", "")]
    tick(engine, time, "68400")
    assert statuses(account) == [("filled", ""), ("canceled", "sibling_filled_canceled"), ("filled", "")]
    assert not Position.objects.get(account=account).size
    assert Order.objects.filter(parent=parent.ref).count() == 2


def test_canceling_the_parent_cancels_what_sleeps(engine: Engine) -> None:
    account = an_account()
    done = give(engine, account, a_bracketed("68000"))
    give(engine, account, CancelOrder(done.orders[0].ref))
    assert statuses(account) == [("canceled", "canceled")] + [("canceled", "parent_canceled")] * 2


def test_one_that_follows_the_position_closes_all_of_it(engine: Engine, time: Time) -> None:
    account = an_account()
    give(engine, account, an_order("0.01"))
    give(engine, account, replace(a_stop("67000"), size=None))
    give(engine, account, an_order("0.02"))
    assert Order.objects.get(whole_position=True).size == Decimal("0.03")
    tick(engine, time, "66900")
    assert not Position.objects.get(account=account).size


def test_a_frozen_account_keeps_its_triggers(engine: Engine, time: Time) -> None:
    account = an_account()
    give(engine, account, an_order("0.01"))
    give(engine, account, a_stop("67000"))
    Account.objects.filter(pk=account.pk).update(status="frozen")
    tick(engine, time, "66000")
    assert statuses(account)[1] == ("pending_trigger", "")
    Account.objects.filter(pk=account.pk).update(status="active")
    tick(engine, time, "66000")
    assert statuses(account)[1] == ("filled", "")


def test_a_fire_that_fails_in_the_middle_leaves_nothing_and_is_done_next_time(
    engine: Engine, time: Time, make_engine: Callable[[], Engine]
) -> None:
    account = an_account()
    give(engine, account, a_bracketed())
    before = everything()

    def fail(instance: Any, **kwargs: Any) -> None:
        if instance.side == "sell":
            raise RuntimeError("killed")

    post_save.connect(fail, sender=Trade)
    try:
        time.now += timedelta(seconds=1)
        store([Quote("BTC", Decimal(66_000), time.now, None, None, expires=False)])
        engine.step(time.now)
    finally:
        post_save.disconnect(fail, sender=Trade)
    unchanged = ("Order", "Trade", "Position", "LedgerEntry")
    assert {name: everything()[name] for name in unchanged} == {name: before[name] for name in unchanged}
    engine.lease.release(time.now)
    tick(make_engine(), time, "66000")
    assert statuses(account) == [("filled", ""), ("filled", ""), ("canceled", "sibling_filled_canceled")]
    assert Trade.objects.filter(account=account).count() == 2


def test_orders_are_canceled_at_the_deadline_and_not_before(engine: Engine, time: Time) -> None:
    account = an_account()
    give(engine, account, a_bracketed("60000", stop="59000"))
    give(engine, account, CancelAfter(time.now + timedelta(seconds=3)))
    tick(engine, time, "68500")
    assert statuses(account)[0] == ("open", "")
    for _ in range(3):
        tick(engine, time, "68500")
    assert statuses(account) == [("canceled", "scheduled_cancel")] * 3
    account.refresh_from_db()
    assert account.cancel_after is None


def test_those_that_the_mark_reached_first_fire_first(engine: Engine, time: Time) -> None:
    account = an_account()
    give(engine, account, an_order("0.05"))
    ids = [give(engine, account, a_stop(trigger)).orders[0].ref for trigger in ("66000", "67000", "66500", "60000")]
    time.now += timedelta(seconds=1)
    engine.desk.board.put([Quote("BTC", Decimal(65_900), time.now, expires=False)])
    requests = triggered(market_now(engine.desk.board, time.now), "BTC")
    assert [request.command.order_id for request in requests] == [ids[1], ids[2], ids[0]]  # type: ignore[union-attr]


def test_triggers_are_found_by_their_index_and_those_that_sleep_not_at_all(engine: Engine, time: Time) -> None:
    account = an_account(capital="100000")
    give(engine, account, a_bracketed("60000", stop="59000", profit="61000"))  # asleep, its trigger long passed
    market = market_now(engine.desk.board, time.now)
    with CaptureQueriesContext(connection) as first:
        assert triggered(market, "BTC") == []
    give(engine, account, an_order("0.05"))
    stop = give(engine, account, a_stop("66000")).orders[0].ref
    engine.desk.board.put([Quote("BTC", Decimal(65_900), time.now + timedelta(seconds=1), expires=False)])
    market = market_now(engine.desk.board, time.now)
    with CaptureQueriesContext(connection) as both:
        assert [request.command for request in triggered(market, "BTC")] == [FireTrigger(stop)]
    assert (len(first), len(both)) == (1, 2)
    if connection.vendor == "sqlite":
        searched = "order_pending_by_trigger (instrument_id=? AND side=? AND order_type=?"
        assert plan_of(first[0]["sql"]).count(f"{searched})") == 8
        assert plan_of(both[1]["sql"]).count(f"{searched} AND trigger_price") == 8


def plan_of(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + statement)
        return " ".join(str(row) for row in cursor.fetchall())
