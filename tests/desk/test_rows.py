"""Rows in bulk: the same as Django's own would write, read and make, on whichever database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import LedgerEntry
from realtime.models import Stream
from tests.builders import an_account
from trading.domain.enums import LedgerKind
from trading.models import DailyVolume, EquityPoint, MarketPrice, ModelDecision
from trading.rows import Select, add, insert, made, update, upsert
from trading.rows.statements import array, vendor

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
AWKWARD = 'a "quoted" \\back{slash}, comma; ünï\ncode\'s NULL %s'


def a_decision(account: Any, **changes: Any) -> dict[str, Any]:
    row = {
        "account_id": account.pk, "instrument_id": "BTC", "model": "rsi", "decision": "hold", "reasoning": AWKWARD,
        "confidence": Decimal("0.8500"), "facts": {"rsi": "28", "none": None}, "status": "none",
        "outcome": "", "run_id": None, "decided_at": None, "mark": None, "client_decision_id": None, "created_at": NOW,
    }  # fmt: skip
    return {**row, **changes}


def test_what_is_inserted_is_what_django_reads() -> None:
    account = an_account()
    rows = [a_decision(account), a_decision(account, confidence=None, client_decision_id=AWKWARD[:40])]
    keys = insert(ModelDecision, rows)
    for key, row in zip(keys, rows, strict=True):
        stored = ModelDecision.objects.get(pk=key)
        assert {name: getattr(stored, name) for name in row} == row


def test_what_is_made_is_what_django_makes() -> None:
    account = an_account()
    row = a_decision(account)
    [key] = insert(ModelDecision, [row])
    mine, djangos = made(ModelDecision, {"id": key, **row}, account=account), ModelDecision.objects.get(pk=key)
    assert mine == djangos
    assert {k: v for k, v in mine.__dict__.items() if k != "_state"} == {
        k: v for k, v in djangos.__dict__.items() if k != "_state"
    }
    assert not mine._state.adding
    assert mine._state.db == "default"
    assert mine.account is account
    mine.outcome = "changed"
    mine.save()
    assert ModelDecision.objects.get(pk=key).outcome == "changed"


def test_many_rows_keep_their_order() -> None:
    account = an_account()
    points = [
        {"account_id": account.pk, "timestamp": NOW, "balance": Decimal(n), "equity": Decimal(n),
         "daily_pnl": Decimal(0), "daily_return_pct": None if n % 2 else Decimal("-0.000001")}
        for n in range(12_000)
    ]  # fmt: skip
    keys = insert(EquityPoint, points)
    assert keys == sorted(keys)
    assert len(set(keys)) == 12_000
    assert dict(EquityPoint.objects.values_list("pk", "balance")) == dict(
        zip(keys, map(Decimal, range(12_000)), strict=True)
    )


@pytest.mark.sqlite
def test_many_rows_go_in_statements_of_a_bounded_size() -> None:
    """SQLite keeps the last 128 of each connection, and the process their texts."""
    account = an_account()
    with CaptureQueriesContext(connection) as watched:
        for count in (1, 64, 1_500):
            insert(ModelDecision, [a_decision(account, reasoning="") for _ in range(count)])
    assert max(len(each["sql"]) for each in watched) < 100_000
    assert ModelDecision.objects.count() == 1_565


def test_numbers_and_times_are_taken_however_they_are_written() -> None:
    account = an_account()
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    row = {"account_id": account.pk, "timestamp": there, "balance": Decimal("1E+3"), "equity": Decimal("-0"),
           "daily_pnl": Decimal("0.0000010"), "daily_return_pct": None}  # fmt: skip
    keys = insert(EquityPoint, [row])
    [(at, *figures)] = Select(EquityPoint, "timestamp", "balance", "equity", "daily_pnl", where="id {numbers}")(keys)
    assert (at, at.utcoffset()) == (NOW, timedelta(0))
    assert figures == [1_000, 0, Decimal("0.000001")]
    assert list(EquityPoint.objects.values_list("timestamp", flat=True)) == [NOW]


def test_no_json_is_null() -> None:
    an_account()  # the instruments are there
    book = {"bids": [["1", "2"]], "asks": None}
    rows = [{"instrument_id": symbol, "mark": Decimal(1), "oracle": None, "at": NOW, "expires": True, **sides}
            for symbol, sides in (("BTC", {"bids": None, "asks": None}), ("ETH", book))]  # fmt: skip
    for some in (rows, rows[:1], rows[1:]):  # PostgreSQL is given arrays of other types
        upsert(MarketPrice, some, ("instrument_id",))
    assert list(MarketPrice.objects.order_by("pk").values_list("bids", "asks")) == [(None, None), ([["1", "2"]], None)]
    assert set(MarketPrice.objects.filter(bids__isnull=True).values_list("pk", flat=True)) == {"BTC"}


def test_a_row_that_is_there_is_updated() -> None:
    account = an_account()
    row = {"account_id": account.pk, "day": date(2026, 3, 1), "taker": Decimal(5), "maker": Decimal("0.000001")}
    [first] = upsert(DailyVolume, [row], ("account_id", "day"))
    other = {**row, "day": date(2026, 3, 2)}
    assert upsert(DailyVolume, [{**row, "taker": Decimal(7)}, other], ("account_id", "day"))[0] == first
    assert list(DailyVolume.objects.order_by("day").values_list("taker", "maker")) == [
        (Decimal(7), Decimal("0.000001")), (Decimal(5), Decimal("0.000001")),
    ]  # fmt: skip


def test_only_what_is_given_is_updated() -> None:
    account = an_account()
    one, two = insert(ModelDecision, [a_decision(account), a_decision(account)])
    update(ModelDecision, [{"id": two, "outcome": AWKWARD, "confidence": None}])
    assert ModelDecision.objects.get(pk=one).outcome == ""
    changed = ModelDecision.objects.get(pk=two)
    assert (changed.outcome, changed.confidence, changed.reasoning) == (AWKWARD, None, AWKWARD)


def test_columns_are_added_to_and_told() -> None:
    one, two = an_account(), an_account()
    by, told = ("account_id", "channel"), ("account_id", "channel", "seq")
    rows = [{"account_id": each.pk, "channel": "trades", "seq": n} for n, each in enumerate((one, two), 2)]
    assert sorted(add(Stream, rows, by, told)) == [(one.pk, "trades", 2), (two.pk, "trades", 3)]
    assert sorted(add(Stream, rows[:1], by, told)) == [(one.pk, "trades", 4)]
    assert add(Stream, [{"account_id": 0, "channel": "trades", "seq": 1}], by, told) == []
    assert set(Stream.objects.exclude(channel="trades").values_list("seq", flat=True)) == {0}


def test_rows_are_found_by_conditions_and_by_pairs() -> None:
    one, two = an_account(), an_account()
    insert(ModelDecision, [a_decision(each, client_decision_id=AWKWARD[:40]) for each in (one, two)])
    by_pair = Select(ModelDecision, "account_id", "facts", "created_at", pairs=("account_id", "client_decision_id"))
    assert by_pair({(one.pk, AWKWARD[:40]), (two.pk, "other")}) == [(one.pk, {"rsi": "28", "none": None}, NOW)]
    assert by_pair(set()) == []
    both = Select(
        ModelDecision, "account_id", "confidence", where="account_id {numbers} AND decision = %s",
        pairs=("account_id", "client_decision_id"),
    )  # fmt: skip
    assert both([two.pk], "hold", []) == [(two.pk, Decimal("0.85"))]
    assert [pk for pk, _ in both([], "hold", [(one.pk, AWKWARD[:40])])] == [one.pk]


def test_what_does_not_fit_is_refused_and_nothing_is_written() -> None:
    account = an_account()
    before = LedgerEntry.objects.count()
    entry = {"account_id": account.pk, "kind": LedgerKind.ADJUSTMENT, "amount": Decimal("0.0000001"),
             "balance": Decimal(0), "reason": "", "key": None, "created_at": NOW}  # fmt: skip
    with pytest.raises(ValidationError, match="more than 6 decimals"):
        insert(LedgerEntry, [entry])
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(LedgerEntry, [{**entry, "amount": Decimal(1)}, {**entry, "amount": Decimal(0)}])
    assert LedgerEntry.objects.count() == before
    with pytest.raises(AssertionError, match="missing"):
        insert(MarketPrice, [{"mark": Decimal(1)}])


def test_a_broken_transaction_takes_no_more_statements() -> None:
    account = an_account()
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            insert(ModelDecision, [a_decision(account)])


def test_whoever_watches_the_queries_sees_them() -> None:
    account = an_account()
    with CaptureQueriesContext(connection) as watched:
        insert(ModelDecision, [a_decision(account)] * 50)
    assert len(watched) == 1


def test_arrays_are_written_as_postgresql_reads_them() -> None:
    if vendor() != "postgresql":
        assert array([1, None, AWKWARD]).startswith('{1,NULL,"a \\"quoted\\"')
        return
    with connection.cursor() as cursor:
        values = [AWKWARD, None, "", "NULL", "{}", "1"]
        cursor.execute(
            "SELECT %s::text[], %s::bigint[], %s::timestamptz[]",
            [array(values), array([1, None, -(2**63)]), array([NOW])],
        )
        assert cursor.fetchone() == (values, [1, None, -(2**63)], [NOW])


def elsewhere(sql: str) -> None:
    """Execute a statement on a connection of its own."""

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


@contextmanager
def wider() -> Iterator[None]:
    """Let another process migrate a column, and back."""
    alter = "ALTER TABLE trading_modeldecision ALTER COLUMN model TYPE varchar({})".format
    elsewhere(alter(61))
    try:
        yield
    finally:
        elsewhere(alter(60))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_statements_outlive_a_migration() -> None:
    decisions = Select(ModelDecision, "id", "model", where="id > %s")
    for _ in range(4):
        decisions(0)  # prepared by now
    with wider():
        assert decisions(0) == []
    for _ in range(4):
        decisions(0)
    with wider():
        with pytest.raises(OperationalError), transaction.atomic():  # which the desk tries again
            decisions(0)
        with transaction.atomic():
            assert decisions(0) == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_rows_that_are_added_to_are_locked_by_primary_key() -> None:
    """Whoever waits for the first one holds none of the others: those who lock by primary key wait for nobody's."""
    one, two = an_account(), an_account()
    rows = [{"account_id": each.pk, "channel": "trades", "seq": 1} for each in (two, one)]
    first, second = Stream.objects.filter(channel="trades").order_by("pk")
    assert (first.account_id, second.account_id) == (one.pk, two.pk)

    def wait_for_it() -> None:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = 100")
                with pytest.raises(OperationalError, match="lock timeout"):
                    add(Stream, rows, ("account_id", "channel"), ("id",))
                transaction.set_rollback(True)
        finally:
            connections.close_all()

    def locked_by() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT xmax FROM realtime_stream WHERE id = %s", [second.pk])
            return cursor.fetchone()

    before = locked_by()
    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        Stream.objects.select_for_update().get(pk=first.pk)
        pool.submit(wait_for_it).result()
    assert locked_by() == before  # a lock stays written in the row after it was given up
