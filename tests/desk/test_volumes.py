"""What accounts traded, and the fees that follow from it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps

from accounts.models import Account
from tests.builders import an_account, an_order
from tests.desk.given import queries
from trading.desk import Desk, Done, Request
from trading.domain.book import Book, levels_from
from trading.domain.commands import MatchOrder, RecordEquity
from trading.domain.market import Quote
from trading.market.board import Board
from trading.models import DailyVolume, Order, Trade

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 4, 9, 12, tzinfo=UTC)
MILLION = Decimal(1_000_000)


class Time:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


def a_desk(time: Time, price: str = "50000") -> Desk:
    desk = Desk(Board(), time)
    book = Book(levels_from([[price, "1000"]]), levels_from([[str(Decimal(price) + 10), "1000"]]))
    desk.board.put([Quote("BTC", Decimal(price), time.now, book=book, expires=False)])
    return desk


def buy(desk: Desk, account: Account, size: str = "0.1", **values: str) -> Done:
    [answer] = desk.execute([Request(account.pk, an_order(size, **values))])
    assert isinstance(answer, Done), answer
    return answer


def volume(account: Account, day: datetime, taker: Decimal | int, maker: Decimal | int = 0) -> None:
    DailyVolume.objects.create(account=account, day=day.date(), taker=taker, maker=maker)


def last_fee_rate(account: Account) -> Decimal:
    trade = Trade.objects.filter(account=account).order_by("-id")[0]
    return trade.fee / (trade.price * trade.size)


def test_fills_add_to_the_days_volume_by_liquidity() -> None:
    time = Time()
    desk = a_desk(time)
    first, second = an_account(capital="100000"), an_account(capital="100000")
    desk.execute([Request(each.pk, an_order("0.1")) for each in (first, second, first)])
    buy(desk, first, "0.2", price="49000")
    desk.board.put([Quote("BTC", Decimal(48_000), NOON + timedelta(seconds=1), expires=False)])
    desk.execute([Request(first.pk, MatchOrder(Order.objects.get(status="open").pk))])
    rows = {row.account_id: (row.day, row.taker, row.maker) for row in DailyVolume.objects.all()}
    assert rows == {
        first.pk: (NOON.date(), Decimal("10002"), Decimal("9800")),
        second.pk: (NOON.date(), Decimal("5001"), 0),
    }


def test_the_tier_follows_from_the_14_days_before_today() -> None:
    time = Time()
    desk = a_desk(time)
    account = an_account(capital="100000")
    volume(account, NOON - timedelta(days=1), 3 * MILLION, 1 * MILLION)
    volume(account, NOON - timedelta(days=14), MILLION)
    volume(account, NOON - timedelta(days=15), 1_000 * MILLION)
    volume(account, NOON, 1_000 * MILLION)
    buy(desk, account)
    assert last_fee_rate(account) == Decimal("0.00045")  # exactly 5 million: not above it
    DailyVolume.objects.filter(account=account, day=(NOON - timedelta(days=14)).date()).update(
        maker=Decimal("0.000001")
    )
    buy(desk, account)
    assert last_fee_rate(account) == Decimal("0.0004")
    time.now += timedelta(hours=12)
    buy(desk, account)
    assert last_fee_rate(account) == Decimal("0.00028")
    assert DailyVolume.objects.get(account=account, day=time.now.date()).taker == Decimal("5001")


def test_the_volumes_of_a_batch_cost_one_query_and_one_statement_and_none_where_nothing_may_fill() -> None:
    time = Time()
    desk = a_desk(time)
    accounts = [an_account(capital="100000") for _ in range(4)]
    desk.execute([Request(account.pk, an_order("0.1")) for account in accounts])
    one = queries(lambda: desk.execute([Request(accounts[0].pk, an_order("0.1"))]))
    all_ = queries(lambda: desk.execute([Request(account.pk, an_order("0.1")) for account in accounts]))
    assert one == all_
    assert DailyVolume.objects.count() == 4
    DailyVolume.objects.update(taker=1)
    desk.execute([Request(accounts[0].pk, RecordEquity())])
    assert set(DailyVolume.objects.values_list("taker", flat=True)) == {1}


def test_trades_from_before_there_were_volumes_are_counted() -> None:
    account = an_account()
    desk = a_desk(Time())
    buy(desk, account, "0.5")
    buy(desk, account, "0.2")
    kept = list(DailyVolume.objects.values("account", "day", "taker", "maker"))
    DailyVolume.objects.all().delete()
    fill = import_module("trading.migrations.0007_volumes").fill
    for _ in range(2):  # the second time there is nothing to do
        fill(apps, None)
        assert list(DailyVolume.objects.values("account", "day", "taker", "maker")) == kept
