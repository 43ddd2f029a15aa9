"""Pages of the past: what a plain query over all rows would give, found by indexes alone."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, LedgerEntry
from tests.builders import a_user, an_account, an_order, done, set_price
from trading import history
from trading.domain import funding
from trading.domain.commands import CancelAllOrders, CancelOrder, SubmitDecision
from trading.domain.enums import Action
from trading.models import FundingRate, Instrument, ModelDecision, Order, Trade

HOUR = datetime(2026, 11, 24, 2, tzinfo=UTC)
SYMBOLS = ["BTC", "ETH"]
STATUSES = ["pending_trigger", "open", "partially_filled", "filled", "canceled"]


def lived(owner: Any) -> Account:
    """Open an account and let it have some of everything."""
    account = an_account(owner)
    for symbol, far, size in (("BTC", "60000", "0.01"), ("ETH", "2000", "0.1")):
        done(account, an_order(size, symbol=symbol))
        done(account, an_order(size, price=far, symbol=symbol))
        resting = done(account, an_order(size, price=far, symbol=symbol)).orders[0]
        done(account, CancelOrder(resting.ref))
        for action in (Action.HOLD, Action.BUY, Action.HOLD):
            done(account, SubmitDecision("m", symbol, action, "So."))
    return account


@pytest.fixture
def ids(db: None) -> list[int]:
    set_price("BTC", "68500")
    set_price("ETH", "2500")
    owner = a_user()
    accounts = [lived(owner) for _ in range(3)]
    for account in accounts[1:]:
        done(account, CancelAllOrders())
        done(account, an_order())
    lived(a_user())
    Order.objects.filter(account=accounts[0], status="open", instrument="ETH").update(filled_size=Decimal("0.05"))
    return [account.pk for account in accounts]


def all_pages(page_of: Callable[[int | None], history.Page[Any]], limit: int) -> list[int]:
    found: list[int] = []
    before = None
    while True:
        page = page_of(before)
        found += [row.pk for row in page.rows]
        if page.next_cursor is None:
            return found
        assert len(page.rows) == limit
        before = page.next_cursor


def there_are(model: Any, ids: list[int], **wanted: Any) -> Any:
    given = {name: value for name, value in wanted.items() if value is not None}
    return model.objects.filter(account__in=ids, **given).order_by("-pk")


def test_pages_together_are_what_there_is(ids: list[int]) -> None:
    rng = random.Random(1)
    for _ in range(150):
        check_pages(
            rng.sample(ids, rng.randrange(len(ids) + 1)),
            rng.randrange(1, 8),
            rng.choice([None, *SYMBOLS, "SOL"]),
            rng.choice([None, *(rng.sample(STATUSES, count) for count in range(1, len(STATUSES) + 1))]),
            rng.choice([None, *Action]),
        )


def check_pages(
    ids: list[int], limit: int, symbol: str | None, statuses: list[str] | None, decision: str | None
) -> None:
    found = all_pages(lambda before: history.trades(ids, symbol=symbol, before=before, limit=limit), limit)
    assert found == [row.pk for row in there_are(Trade, ids, instrument=symbol)]
    found = all_pages(
        lambda before: history.orders(ids, symbol=symbol, statuses=statuses, before=before, limit=limit), limit
    )
    rows = there_are(Order, ids, instrument=symbol)
    assert found == [row.pk for row in rows if statuses is None or told(row) in statuses]
    found = all_pages(
        lambda before: history.decisions(ids, symbol=symbol, decision=decision, before=before, limit=limit), limit
    )
    assert found == [row.pk for row in there_are(ModelDecision, ids, instrument=symbol, decision=decision)]


def told(order: Order) -> str:
    return "partially_filled" if order.status == "open" and order.filled_size else order.status


LISTS: dict[str, tuple[Callable[[list[int]], Any], str]] = {
    "trades": (lambda ids: history.trades(ids, symbol=None, before=9, limit=5), "trade_of_account"),
    "trades of a symbol": (
        lambda ids: history.trades(ids, symbol="BTC", before=9, limit=5), "trade_of_account_by_symbol",
    ),
    "orders": (
        lambda ids: history.orders(ids, symbol=None, statuses=None, before=9, limit=5), "order_of_account_by_status",
    ),
    "orders of a status": (
        lambda ids: history.orders(ids, symbol=None, statuses=["canceled"], before=9, limit=5),
        "order_of_account_by_status",
    ),
    "orders of a symbol": (
        lambda ids: history.orders(ids, symbol="BTC", statuses=["filled"], before=9, limit=5),
        "order_of_account_by_symbol",
    ),
    "open orders of a symbol": (
        lambda ids: history.orders(ids, symbol="BTC", statuses=["open"], before=9, limit=5),
        "order_of_account_by_status",
    ),
    "decisions": (
        lambda ids: history.decisions(ids, symbol=None, decision=None, before=9, limit=5), "decision_of_account",
    ),
    "decisions of a symbol": (
        lambda ids: history.decisions(ids, symbol="BTC", decision="hold", before=9, limit=5),
        "decision_of_account_by_symbol",
    ),
    "decisions to buy": (
        lambda ids: history.decisions(ids, symbol="BTC", decision="buy", before=9, limit=5),
        "decision_but_hold_of_account",
    ),
    "the ledger": (lambda ids: history.ledger(ids[0], kind="deposit", before=9, limit=5), "ledger_of_account"),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.sqlite
@pytest.mark.parametrize("name", LISTS)
def test_a_page_is_found_by_its_index_from_the_cursor_on(name: str) -> None:
    read, index = LISTS[name]
    with CaptureQueriesContext(connection) as captured:
        read([1, 2])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        steps = [row[3] for row in cursor.fetchall()]
    looks = [step for step in steps if step.startswith(("SEARCH t ", "SCAN t "))]
    assert len(looks) >= 2
    assert all(f" INDEX {index} " in look and look.endswith("id<?)") for look in looks), steps


@pytest.mark.django_db
@pytest.mark.parametrize("rate", ["0.0000125", "-0.0000031", "0.04"])
@pytest.mark.parametrize("size", ["0.00001", "-0.25731", "12.34567", "-999.99999"])
def test_a_funding_payment_tells_what_was_held(size: str, rate: str) -> None:
    account, oracle = an_account(), Decimal("68123.4")
    signed, paid = Decimal(size), Decimal(rate)
    amount = funding.payment(signed, oracle, paid)
    bitcoin = Instrument.objects.get(pk="BTC")
    FundingRate.objects.create(instrument=bitcoin, hour=HOUR, premium=0, rate=paid, oracle=oracle, samples=720)
    if not amount:
        return
    LedgerEntry.objects.create(
        account=account, kind="funding", amount=amount, balance=amount, key=funding.key("BTC", HOUR), created_at=HOUR
    )
    payments, _ = history.funding(account.pk, symbol="BTC", before=None, limit=5)
    [payment] = payments
    assert (payment.size, payment.side.sign) == (abs(signed), 1 if signed > 0 else -1)
