"""Orders on their way, let in by the engine when they are due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from tests.builders import an_account, an_order
from trading.desk import Desk, Done, Request
from trading.domain.commands import AmendOrder
from trading.domain.errors import InsufficientMargin
from trading.domain.market import Quote
from trading.engine import Engine
from trading.market.board import Board
from trading.models import MarketPrice, Order, Trade
from trading.prices import store

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 4, 9, 12, tzinfo=UTC)


class Time:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time(settings: Any) -> Time:
    settings.HYPERORU_MARKET = "manual"
    settings.HYPERORU_LATENCY_MS = (200, 500)
    return Time()


@pytest.fixture
def engine(time: Time) -> Iterator[Engine]:
    desk = Desk(Board(), time)
    put(time, "68000")
    made = Engine(desk, time)
    made.step(time.now)
    yield made
    desk.close()


def put(time: Time, mark: str) -> None:
    store([Quote("BTC", Decimal(mark), time.now, expires=False)])


def send(engine: Engine, account: Account, **values: Any) -> Order:
    [answer] = engine.desk.execute([Request(account.pk, an_order(**values))])
    assert isinstance(answer, Done), answer
    [order] = answer.orders
    assert (order.status, order.filled_size) == ("open", 0)
    return Order.objects.get(pk=order.ref)


def step(engine: Engine, time: Time, seconds: float) -> None:
    time.now += timedelta(seconds=seconds)
    engine.step(time.now)


def test_orders_are_let_in_when_they_are_due_in_the_order_of_their_arrival(engine: Engine, time: Time) -> None:
    account = an_account(capital="100000")
    sent = [send(engine, account, size="0.01", client_order_id=str(number)) for number in range(8)]
    step(engine, time, 0.19)
    assert not Trade.objects.exists()
    put(time, "67000")
    step(engine, time, 0.35)
    assert {order.status for order in Order.objects.all()} == {"filled"}
    arrived = sorted(sent, key=lambda order: order.active_at or START)
    assert [trade.order_id for trade in Trade.objects.order_by("id")] == [order.pk for order in arrived]
    assert arrived != sent
    assert all(trade.price < 67_100 for trade in Trade.objects.all())


def test_an_order_on_its_way_is_reached_by_no_price(engine: Engine, time: Time) -> None:
    account = an_account(capital="100000")
    order = send(engine, account, size="0.01", price="67500")
    time.now += timedelta(seconds=0.05)
    put(time, "67000")
    step(engine, time, 0.05)
    assert not Trade.objects.exists()
    step(engine, time, 0.5)
    [trade] = Trade.objects.all()
    assert (trade.order_id, trade.liquidity) == (order.pk, "taker")
    assert trade.price < 67_100


def test_where_there_is_no_price_it_waits_for_the_next_one(
    engine: Engine, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    account = an_account(capital="100000")
    send(engine, account, size="0.01")
    MarketPrice.objects.all().delete()
    engine.desk.board.clear()
    step(engine, time, 1)
    assert not Trade.objects.exists()
    assert "refused" not in caplog.text
    put(time, "67000")
    step(engine, time, 0.25)
    assert Trade.objects.count() == 1


def test_an_amended_order_leaves_the_book_and_is_let_in_when_it_is_due_again(engine: Engine, time: Time) -> None:
    account = an_account(capital="100000")
    order = send(engine, account, size="0.01", price="67500", client_order_id="mine")
    step(engine, time, 0.6)
    assert Order.objects.get(pk=order.pk).active_at is None
    amendment = AmendOrder(client_order_id="mine", price=Decimal(67_600))
    [answer] = engine.desk.execute([Request(account.pk, amendment)])
    assert isinstance(answer, Done), answer
    sent = Order.objects.get(pk=order.pk)
    assert sent.active_at is not None
    assert sent.active_at >= time.now + timedelta(milliseconds=200)
    put(time, "67000")
    step(engine, time, 0.15)  # it is neither there to be reached nor due
    assert not Trade.objects.exists()
    step(engine, time, 0.5)
    [trade] = Trade.objects.all()
    assert (trade.order_id, trade.liquidity) == (order.pk, "taker")
    assert Order.objects.get(pk=order.pk).price == 67_600


def test_an_amendment_that_is_refused_on_the_way_leaves_the_order_as_it_is(engine: Engine, time: Time) -> None:
    account = an_account(capital="100")
    order = send(engine, account, size="0.01", price="67500")
    [answer] = engine.desk.execute([Request(account.pk, AmendOrder(order.pk, size=Decimal(5)))])
    assert isinstance(answer, InsufficientMargin)
    assert Order.objects.get(pk=order.pk).size == order.size
