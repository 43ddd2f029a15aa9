"""What the process remembers of books and trades between batches."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account
from tests.builders import an_account, an_order
from trading.crossing import reached
from trading.desk import Desk, Done, Request
from trading.domain.book import Book, levels_from
from trading.domain.market import Quote
from trading.market.board import Board
from trading.models import Instrument, Order, Trade
from trading.prices import market_now

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 4, 9, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Time:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


def a_desk(time: Time) -> Desk:
    return Desk(Board(), time)


def buy(desk: Desk, account: Account, size: str, price: str | None = None) -> Done:
    [answer] = desk.execute([Request(account.pk, an_order(size, price=price))])
    assert isinstance(answer, Done), answer
    return answer


def test_instruments_are_listed_by_symbol() -> None:
    """Whatever was changed last: the engine goes through them in this order, in every run the same."""
    Instrument.objects.create(symbol="AAA", size_decimals=2, margin_tiers=[[0, 10]])
    Instrument.objects.filter(symbol="BTC").update(default_leverage=5)
    assert list(market_now(Board(), NOON).instruments) == ["AAA", "BTC", "ETH"]


def test_an_assumed_book_lacks_what_was_taken_until_it_is_refilled() -> None:
    time = Time()
    desk, account = a_desk(time), an_account(capital="10000000")
    desk.board.put([Quote("BTC", Decimal(50_000), time.now, expires=False)])

    def price() -> Decimal:
        [order] = buy(desk, account, "15").orders
        assert order.average_price is not None
        return order.average_price

    first, second = price(), price()
    assert second > first
    time.now += SECOND
    desk.board.put([Quote("BTC", Decimal(50_000), time.now, expires=False)])
    assert price() > first  # a new mark alone brings nothing back
    time.now += timedelta(seconds=60)
    assert price() == first


def test_slicing_an_order_within_the_refill_time_costs_about_what_it_costs_whole() -> None:
    time = Time()
    entries = []
    for slices in (1, 10):
        desk, account = a_desk(time), an_account(capital="10000000")
        desk.board.put([Quote("BTC", Decimal(50_000), time.now, expires=False)])
        for _ in range(slices):
            buy(desk, account, str(Decimal(60) / slices))
        entries.append(sum(trade.price * trade.size for trade in Trade.objects.filter(account=account)))
    assert abs(entries[1] / entries[0] - 1) < Decimal("0.00001")


def test_trades_of_a_quote_move_a_queue_once_and_fill_no_two_orders() -> None:
    time = Time()
    desk, first, second = a_desk(time), an_account(capital="1000000"), an_account(capital="1000000")
    book = Book(levels_from([["50000", "2"]]), levels_from([["50010", "2"]]))
    desk.board.put([Quote("BTC", Decimal(50_005), time.now, book=book)])
    for account in (first, second):
        buy(desk, account, "1", "50000")
    assert set(Order.objects.values_list("queue_ahead", flat=True)) == {2}

    def quote(*trades: list[str]) -> None:
        time.now += SECOND
        desk.board.put([Quote("BTC", Decimal(50_005), time.now, book=book, trades=levels_from(trades))])
        for _ in range(3):  # however often somebody looks
            desk.execute(reached(market_now(desk.board, time.now), "BTC"))

    quote(["50000", "1.5"])
    assert set(Order.objects.values_list("queue_ahead", flat=True)) == {Decimal("0.5")}
    assert not Trade.objects.exists()
    quote(["50000", "1.7"])
    assert [(trade.account_id, trade.size) for trade in Trade.objects.order_by("id")] == [
        (first.pk, 1),
        (second.pk, Decimal("0.7")),
    ]
    quote(["49999", "9"])
    assert sum(trade.size for trade in Trade.objects.all()) == 2
