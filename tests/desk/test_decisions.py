"""What the desk reads and writes of decisions and their orders."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from tests.builders import an_account, an_order, done, execute, set_price
from tests.desk.given import everything, queries
from tests.desk.test_crash import Killed, failing_at
from trading.desk import Done, desk
from trading.domain.commands import AmendOrder, Bracket, PlaceOrder, SubmitDecision
from trading.domain.enums import Action, DecisionStatus
from trading.domain.errors import OrderRejected
from trading.models import ModelDecision, Order, RiskLimits, Trade
from trading.storage import load

pytestmark = pytest.mark.django_db(transaction=True)
HISTORY = 2_000
BUY = SubmitDecision("m", "BTC", Action.BUY, "so", client_decision_id="d", from_client=True)


@pytest.fixture
def account(transactional_db: None) -> Account:
    set_price("BTC", "67000")
    return an_account()


def submitted(account: Account, **changes: Any) -> int:
    values = {"model": "m", "symbol": "BTC", "action": Action.BUY, "reasoning": "so", **changes}
    decision = done(account, SubmitDecision(**values)).decision_id
    assert decision is not None
    return decision


def following(decision: int, size: str = "0.01", **values: Any) -> PlaceOrder:
    return an_order(size, decision_id=decision, **values)


def conduct_of(account: Account, **limits: Any) -> Any:
    RiskLimits.objects.update_or_create(account=account, defaults=limits)
    return load([(account.pk, following(0))], timezone.now()).states[account.pk].conduct


def test_limits_and_decisions_are_read_only_where_they_are_asked_for(account: Account) -> None:
    done(account, an_order("0.001"))
    plain = queries(lambda: done(account, an_order("0.001")))
    RiskLimits.objects.create(account=account, cooldown_s=60, orders_per_hour=99, max_leverage=7)
    assert queries(lambda: done(account, an_order("0.001"))) == plain
    state = load([(account.pk, an_order("0.001"))], timezone.now()).states[account.pk]
    assert state.limits.max_leverage == 20
    state = load([(account.pk, SubmitDecision("m", "BTC", Action.HOLD, "so", order=an_order()))], timezone.now()).states
    assert (state[account.pk].limits.max_leverage, state[account.pk].limits.risk_pct) == (7, None)
    assert state[account.pk].limits.cooldown == timedelta(seconds=60)


def test_conduct_is_what_decisions_did_within_the_hour_and_the_last_loss(account: Account) -> None:
    decision = submitted(account)
    order = following(decision, stop_loss=Bracket(an_order(price="60000").price or 0))  # type: ignore[arg-type]
    done(account, order)
    done(account, an_order("0.001"))
    assert len(conduct_of(account, orders_per_hour=9).ordered_at) == 1, "neither brackets nor plain orders count"
    assert conduct_of(account, cooldown_s=60).lost_at is None
    set_price("BTC", "66000")
    done(account, an_order("0.002", "sell"))
    lost = Trade.objects.get(pnl__lt=0)
    set_price("BTC", "69000")
    done(account, an_order("0.002", "sell"))
    assert conduct_of(account, cooldown_s=60).lost_at == lost.executed_at
    assert conduct_of(account, cooldown_s=None).lost_at is None, "nobody asks"
    Order.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert conduct_of(account, orders_per_hour=9).ordered_at == ()


def test_a_market_that_runs_faster_than_the_clock_has_as_many_more_orders(account: Account, settings: Any) -> None:
    def limit() -> int | None:
        state = load([(account.pk, following(0))], timezone.now()).states[account.pk]
        per_hour: int | None = state.limits.orders_per_hour
        return per_hour

    assert limit() == 60
    settings.MARKET_PACE = 60
    assert limit() == 3_600
    settings.HYPERORU_DECISION_ORDERS_PER_HOUR = 0
    assert limit() is None
    RiskLimits.objects.create(account=account, orders_per_hour=7)
    assert limit() == 7


def test_it_is_found_by_index_whatever_the_history(account: Account) -> None:
    from trading.storage import earlier

    done(account, following(submitted(account)))
    order, trade = Order.objects.get(), Trade.objects.get()
    orders = Order.objects.bulk_create(copies(order, HISTORY))
    Trade.objects.bulk_create([copied(trade, order_id=each.pk) for each in orders])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plans = []

    def explained(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
            run(explain + sql, params, many, context)
            plans.append(" ".join(str(row) for row in context["cursor"].fetchall()))
        return run(sql, params, many, context)

    since = connection.ops.adapt_datetimefield_value(timezone.now() + timedelta(hours=1))
    with connection.execute_wrapper(explained):
        earlier._ordered([account.pk], since)
        earlier._last_lost([account.pk])
    assert "order_by_decision_of_account" in plans[0]
    assert "trade_lost_of_account" in plans[1]


def copies(row: Any, count: int) -> list[Any]:
    return [copied(row) for _ in range(count)]


def copied(row: Any, **changes: Any) -> Any:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return type(row)(**{**values, "id": None, **changes})


def test_two_orders_of_one_decision_in_a_batch_are_one(account: Account) -> None:
    decision = submitted(account)
    first, second = execute(account, following(decision), following(decision))
    assert isinstance(first, Done)
    assert isinstance(second, OrderRejected)
    assert second.reason == "decision_carried_out"
    assert Trade.objects.count() == 1
    assert ModelDecision.objects.get().status == DecisionStatus.ACCEPTED


def test_a_refusal_is_written_beside_what_the_batch_does(account: Account) -> None:
    RiskLimits.objects.create(account=account, orders_per_hour=1)
    names = [submitted(account) for _ in range(2)]
    first, second, third = execute(account, following(names[0]), following(names[1]), an_order("0.001"))
    assert isinstance(first, Done)
    assert isinstance(second, OrderRejected)
    assert isinstance(third, Done)
    rows = {row.pk: row for row in ModelDecision.objects.all()}
    assert (rows[names[0]].status, rows[names[1]].status) == (DecisionStatus.ACCEPTED, DecisionStatus.REFUSED)
    assert rows[names[1]].outcome == f"refused, risk_orders_per_hour: {second.message}"
    assert (rows[names[1]].model, rows[names[1]].reasoning) == ("m", "so")


def test_killed_at_any_statement_and_sent_again_a_decision_trades_once(account: Account) -> None:
    """What a client does: the decision, then the order that names it, each again when it is not answered."""
    for step in ("decision", "order"):
        for number in count(1):
            before = everything()
            with failing_at(number, Killed) as asked:
                try:
                    if step == "decision":
                        execute(account, BUY)
                    else:
                        execute(account, following(ModelDecision.objects.get().pk, client_order_id="o"))
                except Killed:
                    assert everything() == before, (step, number)
            if asked() < number:
                break
        assert number > 5
    for _ in range(2):
        again = done(account, BUY)
        placed = done(account, following(again.decision_id or 0, client_order_id="o"))
        assert (again.duplicate, placed.duplicate) == (True, True)
    assert (ModelDecision.objects.count(), Order.objects.count(), Trade.objects.count()) == (1, 1, 1)


def test_a_model_that_decides_anew_about_the_same_bar_is_answered_with_the_first(account: Account) -> None:
    first = submitted(account, client_decision_id="m:BTC:7", order=an_order())
    again = submitted(account, client_decision_id="m:BTC:7", reasoning="otherwise by now", order=an_order("0.02"))
    assert first == again
    assert Trade.objects.count() == 1
    assert desk.execute([]) == []


@pytest.mark.parametrize("by_client_id", [False, True])
def test_an_order_of_a_decision_is_amended_within_the_limits_of_its_account(
    account: Account, by_client_id: bool
) -> None:
    RiskLimits.objects.create(account=account, symbol_exposure=1, max_age_s=3600)
    asked = following(submitted(account), "0.1", price="60000", client_order_id="o")
    [order] = done(account, asked).orders
    named = {"client_order_id": "o"} if by_client_id else {"order_id": order.ref}
    [refused] = execute(account, AmendOrder(**named, size=Decimal("0.17")))
    assert isinstance(refused, OrderRejected)
    assert refused.reason == "risk_symbol_exposure"
    done(account, AmendOrder(**named, size=Decimal("0.16")))
    ModelDecision.objects.update(decided_at=timezone.now() - timedelta(hours=2))
    [refused] = execute(account, AmendOrder(**named, size=Decimal("0.165")))
    assert isinstance(refused, OrderRejected)
    assert refused.reason == "risk_decision_expired"
    assert Order.objects.get().size == Decimal("0.16")
    assert ModelDecision.objects.get().status == "accepted"
