"""Reads that belong together see one moment, wait for no writer and hold none up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction

from accounts.models import Account
from tests.builders import an_account, an_order, set_price
from trading.desk import Done, Request, desk
from trading.models import Order, Trade
from trading.reading import read_snapshot

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 10


def trade(account: Account) -> None:
    """Let the desk's own thread trade and commit."""
    answer = desk.submit(Request(account.pk, an_order("0.01"))).result(timeout=PATIENCE_S)
    assert isinstance(answer, Done), answer


def seen(account: Account) -> tuple[Decimal, int, int]:
    cash = Account.objects.values_list("cash", flat=True).get(pk=account.pk)
    return cash, Order.objects.count(), Trade.objects.count()


def test_what_is_committed_meanwhile_is_not_seen() -> None:
    set_price()
    account = an_account()
    with read_snapshot():
        cash = Account.objects.values_list("cash", flat=True).get(pk=account.pk)
        trade(account)
        assert (cash, 0, 0) == seen(account)
        trade(account)
        assert (cash, 0, 0) == seen(account)
    after = seen(account)
    assert after[0] < cash
    assert after[1:] == (2, 2)


def test_reads_without_a_snapshot_see_each_commit() -> None:
    set_price()
    account = an_account()
    assert seen(account)[1:] == (0, 0)
    trade(account)
    assert seen(account)[1:] == (1, 1)


@contextmanager
def a_writer_in_the_middle(account: Account) -> Iterator[None]:
    """Hold the account's row, changed and not committed, in another thread."""
    wrote, may_end = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                row = Account.objects.select_for_update().get(pk=account.pk)
                row.name = "changed"
                row.save()
                wrote.set()
                may_end.wait(PATIENCE_S)
        finally:
            connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert wrote.wait(PATIENCE_S)
        yield
        assert not may_end.is_set()
    finally:
        may_end.set()
        thread.join()


def test_a_snapshot_waits_for_no_writer() -> None:
    account = an_account()
    with a_writer_in_the_middle(account), read_snapshot():
        assert Account.objects.get(pk=account.pk).name == account.name
    assert Account.objects.get(pk=account.pk).name == "changed"


def test_a_snapshot_inside_a_transaction_belongs_to_it() -> None:
    account = an_account()
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(name="mine")
        with read_snapshot():
            assert Account.objects.get(pk=account.pk).name == "mine"


@pytest.mark.parametrize("fails", [False, True])
def test_after_a_snapshot_transactions_are_as_before(fails: bool) -> None:
    account = an_account()
    mode = getattr(connection, "transaction_mode", None)
    try:
        with read_snapshot():
            Account.objects.get(pk=account.pk + int(fails))
    except Account.DoesNotExist:
        assert fails
    assert getattr(connection, "transaction_mode", None) == mode
    assert not connection.in_atomic_block
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(name="written")
    assert Account.objects.get(pk=account.pk).name == "written"
