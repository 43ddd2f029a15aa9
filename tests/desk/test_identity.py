"""Whatever was traded: what is on disk adds up, and is exact."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from accounts.fields import FixedPointField
from accounts.models import Account
from tests.builders import an_account, an_order, execute
from tests.domain.stories import Asked, OnOrder, Price, Way, asked_of, stories
from trading.desk import Done
from trading.domain.commands import CancelAtDeadline, CancelOrder, Command, FireTrigger, MatchOrder
from trading.domain.enums import Side
from trading.domain.market import Quote
from trading.domain.positions import Position as PositionValue
from trading.domain.positions import apply_fill
from trading.market.board import board
from trading.models import Order, Position, Trade
from trading.models.order import ACTIVE
from trading.prices import market_now
from trading.selectors import account_snapshot

pytestmark = pytest.mark.django_db
ZERO = Decimal(0)


def tell(account: Account, story: Sequence[Asked]) -> None:
    """Let the desk carry out a story, each run of commands between two price moves in one batch."""
    batch: list[Command] = []

    def flush() -> None:
        execute(account, *batch)
        batch.clear()

    put(Price("BTC", Decimal(67_000), None))
    put(Price("ETH", Decimal(3_000), None))
    for each in story:
        if isinstance(each, Price):
            flush()
            put(each)
            active = Order.objects.filter(ACTIVE, account=account).order_by("pk").values_list("pk", flat=True)
            batch += [FireTrigger(pk) for pk in active]
            batch += [MatchOrder(pk) for pk in active]
            batch.append(CancelAtDeadline())
        elif isinstance(each, OnOrder):
            flush()
            placed = list(Order.objects.filter(account=account).order_by("pk"))
            if placed:
                batch.append(asked_of(placed[each.number % len(placed)].to_domain(), each))
        elif not isinstance(each, Way):
            batch.append(each)
    flush()


def put(price: Price) -> None:
    board.put([Quote(price.symbol, price.mark, timezone.now(), book=price.book, expires=False, trades=price.trades)])


@given(stories)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_cash_positions_and_orders_follow_from_the_ledger_and_the_trades(story: list[Asked]) -> None:
    account = an_account()
    tell(account, story)
    account.refresh_from_db()
    trades = list(Trade.objects.filter(account=account).order_by("pk"))
    entries = list(account.ledger.all())
    profit, fees = sum((t.pnl or ZERO for t in trades), ZERO), sum((t.fee for t in trades), ZERO)
    assert account.cash == sum((entry.amount for entry in entries), ZERO) + profit - fees

    held: dict[str, PositionValue] = {}
    for trade in trades:
        before = held.get(trade.instrument_id, PositionValue(trade.instrument_id, 1))
        assert before.signed_size == trade.start_position
        result = apply_fill(before, Side(trade.side), trade.size, trade.price)
        assert result.closed_pnl == trade.pnl
        held[trade.instrument_id] = result.position
    rows = {row.instrument_id: row for row in Position.objects.filter(account=account)}
    assert all(not rows[symbol].size for symbol in rows.keys() - held.keys())
    for symbol, value in held.items():
        row = rows[symbol]
        assert (row.side, row.size, row.entry_notional, row.realized_pnl) == (
            value.side, value.size, value.entry_notional, value.realized_pnl
        )  # fmt: skip

    for order in Order.objects.filter(account=account):
        own = [trade for trade in trades if trade.order_id == order.pk]
        assert order.filled_size == sum((trade.size for trade in own), ZERO)
        assert order.filled_notional == sum((trade.size * trade.price for trade in own), ZERO)

    snapshot = account_snapshot(account, market_now(board), timezone.now())
    assert snapshot.equity == account.cash + snapshot.unrealized_pnl
    last = account.equitypoints.order_by("pk").last()
    assert (last is None and not trades) or last.balance == account.cash


def test_a_batch_answers_each_command_in_its_order() -> None:
    account = an_account()
    put(Price("BTC", Decimal(67_000), None))
    answers = execute(account, *[CancelOrder(order_id=1), MatchOrder(1)])
    assert [isinstance(answer, Done) for answer in answers] == [False, True]


def fixed_point_columns() -> list[tuple[str, str]]:
    return [
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, FixedPointField)
    ]


def test_every_number_is_kept_as_a_whole_number_of_units() -> None:
    account = an_account(capital="10000.123456")
    put(Price("BTC", Decimal(67_000), None))
    execute(account, an_order("0.01"), an_order("0.00777", "sell"), an_order("0.01", price="60000.0"))
    columns = fixed_point_columns()
    assert len(columns) > 25
    with connection.cursor() as cursor:
        for table, column in columns:
            kinds = kinds_of(cursor, table, column)
            assert kinds <= {"integer", "bigint", "null"}, f"{table}.{column} holds {kinds}"


def kinds_of(cursor: Any, table: str, column: str) -> set[str]:
    if connection.vendor == "sqlite":
        cursor.execute(f'SELECT DISTINCT typeof("{column}") FROM "{table}"')
    else:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
            [table, column],
        )
    return {row[0] for row in cursor.fetchall()}


def test_no_column_of_the_project_is_a_float() -> None:
    tables = {model._meta.db_table for model in apps.get_models() if model._meta.app_label in ("accounts", "trading")}
    with connection.cursor() as cursor:
        for table in tables:
            described = connection.introspection.get_table_description(cursor, table)
            kinds = {connection.introspection.get_field_type(column.type_code, column) for column in described}
            assert not kinds & {"FloatField", "DecimalField"}, table
