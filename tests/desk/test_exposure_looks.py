"""Whoever may have to be liquidated is seen at the next look, whichever process wrote what brought him there."""

import random
import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Account, LedgerEntry
from tests.admin.test_trading_admin import saved
from tests.builders import a_user, an_account, an_order, done, set_price
from tests.desk.given import DEPOSIT
from trading import exposure as module
from trading.domain.commands import MoveCash
from trading.domain.enums import MarginMode
from trading.exposure import SLICE, SLICE_EVERY, Exposure
from trading.market.board import board
from trading.models import Position
from trading.prices import market_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exposure() -> Exposure:
    """Give a table that hears nothing of what this process saves, as if others had."""
    made = Exposure()
    made.close()
    return made


def near(exposure: Exposure) -> list[int]:
    exposure.refresh()
    return exposure.near(market_now(board))


def btc(mark: str) -> None:
    set_price("BTC", mark, bids=[[mark, "100"]], asks=[[mark, "100"]])


def test_a_leverage_that_an_order_changed_without_a_fill(exposure: Exposure) -> None:
    btc("60000")
    account, other = an_account(capital="100000"), an_account(capital="100000")
    for each in (account, other):
        done(each, an_order("0.1", leverage=10, margin_mode=MarginMode.ISOLATED))
    assert near(exposure) == []
    done(account, an_order("0.001", price="50000", leverage=40))
    assert Position.objects.get(account=account).isolated_margin < 300
    btc("58900")
    assert near(exposure) == [account.pk]


def test_a_correction_in_the_admin(exposure: Exposure) -> None:
    btc("60000")
    for _ in range(SLICE + 2):
        an_account(capital="0")
    account = an_account(capital="6027")
    done(account, an_order("0.5", leverage=10))
    assert near(exposure) == []
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("boss"))
    saved(browser, "position", Position.objects.get(), size=3, entry_notional=190_000)
    for _ in range(SLICE_EVERY):
        last = near(exposure)
    assert last == [account.pk]


@pytest.mark.postgresql
def test_rows_that_were_committed_late_and_out_of_order(exposure: Exposure) -> None:
    """A batch takes its numbers before others, of many rows, that commit before it."""
    slow, fast = an_account(), an_account()
    written, go_on = threading.Event(), threading.Event()

    def entries(account: Account, number: int, wait: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                for _ in range(number):
                    LedgerEntry.objects.create(
                        account=account, kind="adjustment", amount=-1, balance=-1, created_at=timezone.now()
                    )
                Account.objects.filter(pk=account.pk).update(cash=-1)
                written.set()
                wait()
        finally:
            if account == slow:
                connections.close_all()

    assert near(exposure) == []
    thread = threading.Thread(target=entries, args=(slow, 3, lambda: go_on.wait(30)))
    thread.start()
    assert written.wait(30)
    entries(fast, 200, lambda: None)
    assert near(exposure) == [fast.pk]
    go_on.set()
    thread.join()
    assert near(exposure) == [slow.pk, fast.pk]


def test_more_accounts_than_a_statement_takes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    btc("60000")
    accounts = [an_account(capital="6027") for _ in range(5)]
    for account in accounts:
        done(account, an_order("1", leverage=10))
    btc("54650")
    assert near(Exposure()) == [account.pk for account in accounts]


def test_a_deposit(exposure: Exposure) -> None:
    btc("60000")
    account = an_account(capital="6027")
    done(account, an_order("1", leverage=10))
    btc("54650")
    assert near(exposure) == [account.pk]
    done(account, MoveCash(DEPOSIT, Decimal(100)))
    assert near(exposure) == []


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_order_of_commits_each_row_is_seen_at_the_look_after_it(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    clock = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    monkeypatch.setattr(module, "MOST_GAPS", 3)
    owner, now = a_user(), timezone.now()
    tail = module._Tail(LedgerEntry)
    numbers = iter(range(1, 400))
    under_way: list[tuple[Account, list[int]]] = []
    for _ in range(40):
        clock[0] += draw.choice([0.1, 1, 5])
        under_way.append((an_account(owner, capital="0"), [next(numbers) for _ in range(draw.randint(1, 6))]))
        committed = [each for each in under_way if draw.random() < 0.5]
        under_way = [each for each in under_way if each not in committed]
        committed = [each for each in committed if draw.random() < 0.8]  # the others are rolled back
        LedgerEntry.objects.bulk_create(
            LedgerEntry(pk=number, account=account, kind="adjustment", amount=1, balance=1, created_at=now)
            for account, taken in committed
            for number in taken
        )
        assert {account.pk for account, _ in committed} <= tail.news()
    clock[0] += module.LONGEST_BATCH_S
    tail.news()
    assert tail._gaps == []
    assert tail.news() == set()
