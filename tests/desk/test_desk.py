"""The desk writes what was decided, all or nothing, and answers after the commit."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction

from accounts.models import Account, LedgerEntry, Status
from tests.builders import a_user, an_account, an_order, done, execute, set_price
from tests.desk.given import DEPOSIT, everything, on_save, queries
from trading.desk import Desk, Done, Failed, Request, desk
from trading.domain.commands import CancelAllOrders, CancelOrder, Command, MoveCash, RecordEquity, SubmitDecision
from trading.domain.enums import Action, LedgerKind, TimeInForce
from trading.domain.errors import (
    AccountFrozen,
    DuplicateClientOrderId,
    InsufficientMargin,
    NotFound,
    OrderRejected,
    Rejection,
)
from trading.market.board import board
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade

pytestmark = pytest.mark.django_db(transaction=True)
DEEP = [["67010", "100"]], [["66990", "100"]]


@pytest.fixture(autouse=True)
def _prices(transactional_db: None) -> None:
    set_price("BTC", "67000", bids=DEEP[1], asks=DEEP[0])
    set_price("ETH", "3000", bids=[["2999", "1000"]], asks=[["3001", "1000"]])


def d(text: str) -> Decimal:
    return Decimal(text)


def test_an_order_that_fills_writes_its_rows() -> None:
    account = an_account()
    answer = done(account, an_order("0.1", leverage=20, client_order_id="a"))
    order, trade, position = Order.objects.get(), Trade.objects.get(), Position.objects.get()
    point = EquityPoint.objects.get()
    assert [value.ref for value in answer.orders] == [order.pk]
    assert (order.status, order.filled_size, order.filled_notional) == ("filled", d("0.1"), d("6701"))
    assert (order.client_order_id, order.leverage, order.account_id) == ("a", 20, account.pk)
    assert (trade.order_id, trade.price, trade.size, trade.pnl) == (order.pk, d("67010"), d("0.1"), None)
    assert (trade.fee, trade.status, trade.liquidity, trade.fill_quality) == (d("3.01545"), "filled", "taker", "book")
    assert (position.side, position.size, position.entry_notional) == ("long", d("0.1"), d("6701"))
    assert (position.leverage, position.realized_pnl) == (20, 0)
    account.refresh_from_db()
    assert account.cash == d("10000") - d("3.01545")
    assert point.balance == account.cash
    assert point.equity == account.last_equity == account.cash - 1
    assert point.daily_pnl == d("-4.01545")


def test_a_closing_order_writes_its_profit_and_keeps_the_flat_position() -> None:
    account = an_account()
    done(account, an_order("0.1"))
    set_price("BTC", "68000", bids=[["68000", "9"]], asks=[["68010", "9"]])
    done(account, an_order("0.1", "sell"))
    opened, closed = Trade.objects.order_by("pk")
    assert (closed.pnl, closed.status, closed.start_position) == (d("99"), "closed", d("0.1"))
    position = Position.objects.get()
    assert (position.size, position.entry_notional, position.realized_pnl) == (0, 0, d("99"))
    account.refresh_from_db()
    assert account.cash == 10000 + 99 - opened.fee - closed.fee


def test_cash_that_is_moved_has_its_entry() -> None:
    account = an_account()
    done(account, MoveCash(DEPOSIT, d("500.5"), "gift"))
    entry = LedgerEntry.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.kind, entry.amount, entry.balance, entry.reason) == ("deposit", d("500.5"), d("10500.5"), "gift")
    account.refresh_from_db()
    assert (account.cash, account.last_equity) == (d("10500.5"), d("10500.5"))


def test_a_decision_is_written_with_its_order() -> None:
    account = an_account()
    command = SubmitDecision(
        "rsi", "BTC", Action.BUY, "oversold", d("0.75"), {"rsi": "28"}, client_decision_id="x", order=an_order("0.05")
    )
    answer = done(account, command)
    decision, order = ModelDecision.objects.get(), Order.objects.get()
    assert (answer.decision_id, answer.orders[0].ref) == (decision.pk, order.pk)
    assert order.decision_id == decision.pk
    assert (decision.outcome, decision.facts) == ("buy 0.05 filled at 67010", {"rsi": "28"})
    again = done(account, command)
    assert (again.duplicate, again.decision_id) == (True, decision.pk)
    assert Trade.objects.count() == 1


def test_the_same_decision_twice_in_a_batch_is_carried_out_once() -> None:
    account = an_account()
    command = SubmitDecision("rsi", "BTC", Action.BUY, "oversold", client_decision_id="x", order=an_order("0.05"))
    first, second = execute(account, command, command)
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert first.decision_id == second.decision_id == ModelDecision.objects.get().pk
    assert Trade.objects.count() == 1


def busy(accounts: list[Account]) -> list[Request]:
    commands: list[Command] = [an_order("0.01"), an_order("0.01", price="60000")]
    return [Request(account.pk, command) for account in accounts for command in commands]


def test_a_batch_takes_as_many_statements_for_fifty_accounts_as_for_five() -> None:
    owner = a_user()
    few, many = [an_account(owner) for _ in range(5)], [an_account(owner) for _ in range(50)]
    desk.execute(busy(few))  # makes what is made once
    small = queries(lambda: desk.execute(busy(few)))
    large = queries(lambda: desk.execute(busy(many)))
    assert Trade.objects.count() == 60
    assert large == small <= 30


def test_equity_of_fifty_accounts_is_recorded_in_a_handful_of_statements() -> None:
    owner = a_user()
    requests = [Request(an_account(owner).pk, RecordEquity()) for _ in range(50)]
    assert queries(lambda: desk.execute(requests)) <= 15
    assert EquityPoint.objects.count() == 50


def test_a_refused_request_changes_nothing_and_disturbs_no_other() -> None:
    account, other = an_account(), an_account()
    requests = [
        Request(account.pk, an_order("0.01")),
        Request(account.pk, an_order("100")),
        Request(account.pk, an_order("0.01", symbol="DOGE")),
        Request(other.pk, an_order("0.00001")),
        Request(account.pk, an_order("0.01", "sell")),
        Request(other.pk, an_order("0.02")),
    ]
    answers = desk.execute(requests)
    assert [type(answer) for answer in answers[:1]] == [Done]
    assert isinstance(answers[1], InsufficientMargin)
    assert [getattr(answer, "code", None) for answer in answers] == [
        None, "insufficient_margin", "unknown_symbol", "order_rejected", None, None
    ]  # fmt: skip
    assert Order.objects.filter(account=account).count() == 2
    assert [order.size for order in Order.objects.filter(account=other)] == [d("0.02")]


def test_requests_that_are_all_refused_write_nothing() -> None:
    account = an_account()
    before = everything()
    answers = execute(account, an_order("100"), CancelOrder(order_id=1), an_order("1", price="67000.55"))
    assert all(isinstance(answer, Rejection) for answer in answers)
    assert everything() == before


def test_no_requests_have_no_answers() -> None:
    assert desk.execute([]) == []


def test_an_account_that_is_not_there_is_not_found() -> None:
    account = an_account()
    missing, there = desk.execute([Request(account.pk + 1, an_order()), Request(account.pk, an_order())])
    assert isinstance(missing, NotFound)
    assert isinstance(there, Done)


def test_a_frozen_account_places_nothing_and_cancels() -> None:
    account = an_account()
    order = done(account, an_order("0.1", price="60000")).orders[0]
    Account.objects.filter(pk=account.pk).update(status=Status.FROZEN)
    refused, canceled = execute(account, an_order(), CancelOrder(order.ref))
    assert isinstance(refused, AccountFrozen)
    assert isinstance(canceled, Done)
    assert Order.objects.get().status == "canceled"


def test_an_order_is_canceled_by_its_client_id_in_the_batch_that_placed_it() -> None:
    account = an_account()
    placed, canceled = execute(
        account, an_order("0.1", price="60000", client_order_id="a"), CancelOrder(client_order_id="a")
    )
    assert isinstance(placed, Done)
    assert isinstance(canceled, Done)
    order = Order.objects.get()
    assert placed.orders[0].ref == canceled.orders[0].ref == order.pk
    assert (placed.orders[0].status, canceled.orders[0].status, order.status) == ("open", "canceled", "canceled")


def test_a_retry_in_the_same_batch_is_the_same_order() -> None:
    account = an_account()
    order = an_order("0.1", client_order_id="a")
    first, second, other = execute(account, order, order, an_order("0.2", client_order_id="a"))
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert isinstance(other, DuplicateClientOrderId)
    assert (first.duplicate, second.duplicate) == (False, True)
    assert first.orders[0].ref == second.orders[0].ref == Order.objects.get().pk
    assert Trade.objects.count() == 1


@pytest.mark.parametrize(
    "order",
    [
        an_order("0.1", client_order_id="a"),
        an_order("0.1", price="60000", client_order_id="a"),
        an_order("200", price="67010", time_in_force=TimeInForce.IOC, client_order_id="a"),
    ],
    ids=["filled", "canceled while open", "canceled at once"],
)
def test_a_client_order_id_names_its_order_for_ever(order: Any) -> None:
    account = an_account(capital="5000000")
    first = done(account, order).orders[0]
    done(account, CancelAllOrders())
    set_price("BTC", "90000")
    before = everything()
    again = done(account, order)
    assert (again.duplicate, again.orders[0].ref) == (True, first.ref)
    assert again.orders[0].status != "open"
    [other] = execute(account, an_order("0.3", client_order_id="a"))
    assert isinstance(other, DuplicateClientOrderId)
    assert everything() == before


def test_a_client_order_id_is_an_accounts_own() -> None:
    order = an_order("0.1", client_order_id="a")
    assert [done(an_account(), order).duplicate for _ in range(2)] == [False, False]


def test_another_accounts_order_is_not_found() -> None:
    mine, theirs = an_account(), an_account()
    order = done(theirs, an_order("0.1", price="60000", client_order_id="a")).orders[0]
    answers = desk.execute(
        [
            Request(mine.pk, CancelOrder(order.ref)),
            Request(mine.pk, CancelOrder(client_order_id="a")),
            Request(theirs.pk, RecordEquity()),
        ]
    )
    assert [isinstance(answer, NotFound) for answer in answers] == [True, True, False]
    assert Order.objects.get().status == "open"


def test_the_book_is_remembered_between_batches_until_a_new_price() -> None:
    set_price("BTC", "67000", bids=[["66990", "1"]], asks=[["67010", "0.15"]])
    account = an_account()
    assert done(account, an_order("0.1")).orders[0].filled_size == d("0.1")
    assert done(account, an_order("0.1")).orders[0].filled_size == d("0.05")
    [none_left] = execute(account, an_order("0.1"))
    assert isinstance(none_left, OrderRejected)
    set_price("BTC", "67001", bids=[["66990", "1"]], asks=[["67010", "0.15"]])
    assert done(account, an_order("0.1")).orders[0].filled_size == d("0.1")


def test_orders_of_many_threads_are_all_answered_and_share_one_book() -> None:
    set_price("BTC", "67000", bids=[["66990", "1"]], asks=[["67010", "0.5"], ["67020", "0.13"]])
    accounts = [an_account(capital="100000") for _ in range(4)]

    def trade(number: int) -> list[Any]:
        account = accounts[number % 4]
        futures = [desk.submit(Request(account.pk, an_order("0.01"))) for _ in range(10)]
        return [future.result(timeout=20) for future in futures]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for each in pool.map(trade, range(8)) for answer in each]
    filled = [answer for answer in answers if isinstance(answer, Done)]
    assert (len(answers), len(filled)) == (80, 63)
    assert {answer.reason for answer in answers if isinstance(answer, Rejection)} == {
        "market_order_no_liquidity_rejected"
    }
    assert len({order.ref for answer in filled for order in answer.orders}) == 63
    assert sum(trade.size for trade in Trade.objects.all()) == d("0.63")
    assert sum(position.size for position in Position.objects.all()) == d("0.63")
    assert sum(trade.size for trade in Trade.objects.filter(price=d("67010"))) == d("0.5")


def test_the_desk_starts_again_after_it_was_closed() -> None:
    own, account = Desk(board), an_account()
    for _ in range(2):
        assert isinstance(own.submit(Request(account.pk, an_order("0.01"))).result(timeout=20), Done)
        own.close()
    assert Trade.objects.count() == 2


def test_what_is_queued_is_finished_before_the_desk_closes() -> None:
    own, account = Desk(board), an_account()
    futures = [own.submit(Request(account.pk, an_order("0.01"))) for _ in range(20)]
    own.close()
    assert all(isinstance(future.result(timeout=0), Done) for future in futures)
    assert Trade.objects.count() == 20


# Failures


def poison(account: Account, error: type[BaseException]) -> Any:
    def fail(row: Any) -> None:
        if row.account_id == account.pk:
            raise error("poisoned")

    return fail


def test_a_request_that_the_database_refuses_keeps_no_other_from_being_carried_out() -> None:
    accounts = [an_account() for _ in range(4)]
    poisoned = accounts[1]
    before = {name: rows for name, rows in everything().items() if name == "Account"}
    with on_save(Trade, poison(poisoned, IntegrityError)):
        answers = desk.execute([Request(account.pk, an_order("0.1")) for account in accounts])
    assert [type(answer) for answer in answers] == [Done, Failed, Done, Done]
    assert sorted(Trade.objects.values_list("account", flat=True)) == [a.pk for a in accounts if a != poisoned]
    assert not Order.objects.filter(account=poisoned).exists()
    assert not Position.objects.filter(account=poisoned).exists()
    assert not EquityPoint.objects.filter(account=poisoned).exists()
    [row] = [row for row in before["Account"] if row["id"] == poisoned.pk]
    assert Account.objects.filter(pk=poisoned.pk).values().get() == row
    assert len({answer.orders[0].ref for answer in answers if isinstance(answer, Done)}) == 3


@pytest.mark.parametrize("amount", ["10000000000000", "0.0000001"], ids=["too large to store", "too fine to store"])
def test_an_amount_that_can_not_be_stored_keeps_no_other_from_being_carried_out(amount: str) -> None:
    accounts = [an_account() for _ in range(3)]
    commands: list[Command] = [an_order("0.1"), MoveCash(DEPOSIT, d(amount)), an_order("0.1")]
    requests = [Request(account.pk, command) for account, command in zip(accounts, commands, strict=True)]
    assert [type(answer) for answer in desk.execute(requests)] == [Done, Failed, Done]
    assert Trade.objects.count() == 2
    assert Account.objects.get(pk=accounts[1].pk).cash == 10000


def test_a_receiver_that_fails_for_one_account_fails_no_other_that_is_queued_with_it() -> None:
    accounts = [an_account() for _ in range(5)]
    own = Desk(board)
    with on_save(Trade, poison(accounts[2], ZeroDivisionError)):
        futures = [own.submit(Request(account.pk, an_order("0.1"))) for account in accounts]
        own.close()
    failed = [isinstance(future.exception(timeout=0), ZeroDivisionError) for future in futures]
    assert failed == [False, False, True, False, False]
    assert Trade.objects.count() == 4


class Killed(BaseException):
    """Stands for the end of the process between two statements."""


def test_nothing_is_half_written_where_the_process_ends_in_the_middle() -> None:
    accounts = [an_account() for _ in range(3)]
    before = everything()
    for model in (Order, Trade, Position, EquityPoint):
        with on_save(model, poison(accounts[2], Killed)), pytest.raises(Killed):
            desk.execute([Request(account.pk, an_order("0.1")) for account in accounts])
        assert everything() == before
    assert isinstance(execute(accounts[2], an_order("0.1"))[0], Done)


def test_an_order_that_was_committed_is_answered_whatever_fails_after_it() -> None:
    account = an_account()

    def fail_later(row: Any) -> None:
        transaction.on_commit(lambda: 1 / 0)

    with on_save(Trade, fail_later):
        [answer] = execute(account, an_order("0.1"))
    assert isinstance(answer, Done)
    assert answer.orders[0].ref == Order.objects.get().pk


def test_a_failed_batch_takes_nothing_from_the_book() -> None:
    set_price("BTC", "67000", bids=[["66990", "1"]], asks=[["67010", "0.1"]])
    account = an_account()
    with on_save(Trade, poison(account, IntegrityError)):
        [answer] = execute(account, an_order("0.1"))
    assert isinstance(answer, Failed)
    assert done(account, an_order("0.1")).orders[0].filled_size == d("0.1")


@pytest.mark.postgresql  # a file has no connection that could break
def test_a_connection_that_breaks_is_opened_again_and_the_batch_tried_again() -> None:
    account = an_account()
    breaks = iter([True])

    def break_once(row: Any) -> None:
        if next(breaks, False):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with on_save(Trade, break_once):
        [answer] = execute(account, an_order("0.1"))
    assert isinstance(answer, Done)
    assert Trade.objects.count() == 1


@pytest.mark.postgresql
def test_orders_go_on_where_another_process_migrates() -> None:
    account = an_account()
    for _ in range(4):  # the statements are prepared by now
        done(account, an_order("0.01"))

    def alter(length: int) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE trading_position ALTER COLUMN side TYPE varchar({length})")
        finally:
            connections.close_all()

    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(alter, 6).result()
        done(account, an_order("0.01"))
    finally:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(alter, 5).result()


@pytest.mark.parametrize(
    ("kind", "amount"), [("deposit", "0"), ("deposit", "-1"), ("withdrawal", "1"), ("adjustment", "0")]
)
def test_cash_moves_the_way_its_kind_says(kind: str, amount: str, db: None) -> None:
    account = an_account()
    [answer] = execute(account, MoveCash(LedgerKind(kind), Decimal(amount)))
    assert isinstance(answer, OrderRejected)
    assert answer.reason == "amount_rejected"
    account.refresh_from_db()
    assert account.cash == 10_000
