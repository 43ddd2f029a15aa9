"""An account's rows follow from its trades and its ledger, and what doesn't is named."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections

from accounts.models import Account, LedgerEntry
from tests.builders import an_account, an_order, done
from tests.reconciling.given import a_busy_account, checked, price, tamper, told
from trading.desk import Request, desk
from trading.domain.commands import CancelAllOrders
from trading.models import Order, Position, Trade
from trading.reconciling import AccountCheck, from_json, to_json

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("page", [1, 2, 3, 2_000])
def test_what_the_desk_wrote_agrees_however_it_is_read(page: int) -> None:
    account = a_busy_account()
    check = checked(account, page=page)
    assert (check.first, check.differences) == (None, 0)
    assert check.replay.fills == Trade.objects.count() == 5
    assert check.replay.carried.cash == Account.objects.get(pk=account.pk).cash


def test_an_account_that_never_traded_agrees() -> None:
    assert told(an_account()) == ""
    assert told(an_account(capital="0")) == ""


@pytest.mark.parametrize(
    ("table", "column", "change", "figure"),
    [
        ("accounts_account", "cash", "cash + 1", "account.cash"),
        ("accounts_account", "day_net_deposits", "day_net_deposits - 1", "account.day_net_deposits"),
        ("trading_position", "size", "size + 1", "position.size"),
        ("trading_position", "entry_notional", "entry_notional + 1", "position.entry_notional"),
        ("trading_position", "realized_pnl", "realized_pnl - 1", "position.realized_pnl"),
        ("trading_position", "side", "CASE side WHEN 'long' THEN 'short' ELSE 'long' END", "position.side"),
        ("trading_trade", "pnl", "pnl + 1", "trade.pnl"),
        ("trading_trade", "fee", "fee + 1", "trade.fee"),
        ("trading_dailyvolume", "taker", "taker + 1", "volume of"),
        ("trading_trade", "start_position", "start_position + 1", "trade.start_position"),
        ("trading_order", "filled_notional", "filled_notional + 1", "order.filled_notional"),
    ],
)
def test_a_row_that_is_off_by_a_millionth_is_named(table: str, column: str, change: str, figure: str) -> None:
    account = a_busy_account()
    tamper(table, column, change)
    check = checked(account)
    assert check.first is not None
    assert check.first.figure.startswith(figure)
    assert (check.first.row is None) == (figure == "volume of")
    assert check.differences >= 1


def test_the_first_difference_names_the_row_and_both_figures() -> None:
    account = a_busy_account()
    position = Position.objects.get()
    Position.objects.update(size=position.size + Decimal("0.5"))
    assert told(account) == (
        f"position {position.pk}, size: expected {position.size.normalize():f}, "
        f"found {(position.size + Decimal('0.5')).normalize():f}"
    )


def test_an_order_that_claims_fills_without_trades_is_named() -> None:
    account = a_busy_account()
    done(account, an_order("0.01", price="50000", client_order_id="rests"))
    tamper("trading_order", "filled_size", "1000", "client_order_id = 'rests'")
    order = Order.objects.get(client_order_id="rests")
    assert told(account) == f"order {order.pk}, filled_size: expected 0, found 0.00001"
    tamper("trading_order", "status", "'canceled'", "client_order_id = 'rests'")
    assert told(account) == f"order {order.pk}, filled_size: expected 0, found 0.00001"


def test_a_trade_that_went_missing_is_named() -> None:
    account = a_busy_account()
    second, third = Trade.objects.order_by("pk")[1:3]
    second.delete()
    check = checked(account)
    assert check.first is not None
    assert (check.first.figure, check.first.row) == ("order.filled_size", second.order_id)
    assert check.differences > 3
    assert third.start_position


def test_the_last_trade_that_went_missing_is_told_by_its_order() -> None:
    account = a_busy_account()
    last = Trade.objects.latest("pk")
    last.delete()
    assert told(account) == f"order {last.order_id}, filled_size: expected 0, found 0.004"


def test_a_position_without_trades_and_trades_without_a_position_are_named() -> None:
    account = a_busy_account()
    Position.objects.all().delete()
    assert "no row" in told(account)
    other = an_account()
    Position.objects.create(
        account=other, instrument_id="BTC", side="long", size=1, entry_notional=67_000, leverage=5,
        updated_at=other.created_at,
    )  # fmt: skip
    assert told(other).endswith("size: expected 0, found 1")


def test_trades_and_entries_of_one_moment_are_put_in_the_order_that_the_balances_tell() -> None:
    account = a_busy_account()
    moment = account.created_at
    Trade.objects.update(executed_at=moment)
    assert told(account) == ""
    # And where the clocks of two processes contradict the order of commits, by less than a minute.
    Trade.objects.update(executed_at=moment + timedelta(seconds=30))
    assert told(account) == ""
    Trade.objects.update(executed_at=moment + timedelta(seconds=90))
    assert "ledger entry" in told(account)


def test_a_check_goes_on_from_where_an_earlier_one_stood() -> None:
    account = a_busy_account()
    for number in range(4):
        before = checked(account)
        carried = before.replay.carried
        stored = from_json(carried.fill_id, carried.entry_id, to_json(carried))
        assert stored == carried
        price(67_000 + 100 * number)
        done(account, an_order("0.013", "sell" if number % 2 else "buy"))
        later = checked(account, carried=stored, order_id=before.order_id)
        assert (later.first, later.replay.fills) == (None, 1)
        assert later.replay.carried == checked(account).replay.carried


def test_a_resting_order_that_fills_between_two_checks_agrees() -> None:
    account = a_busy_account()
    first = checked(account)
    assert list(first.replay.carried.orders) == [Order.objects.get(client_order_id="half").pk]
    done(account, CancelAllOrders())
    again = checked(account, carried=first.replay.carried, order_id=first.order_id)
    assert (again.first, again.replay.carried.orders) == (None, {})


def test_it_runs_beside_trading() -> None:
    account = an_account(capital="1000000")
    price(67_000)
    stop = threading.Event()

    def trade() -> None:
        try:
            while not stop.is_set():
                desk.execute([Request(account.pk, an_order("0.001", side)) for side in ("buy", "sell")])
        finally:
            connections.close_all()

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        for _ in range(12):
            check = AccountCheck(account.pk, page=3)
            while not check.step(until=0.0):
                pass
            assert check.first is None
    finally:
        stop.set()
        thread.join()
    assert told(account) == ""
    assert LedgerEntry.objects.count() == 1
