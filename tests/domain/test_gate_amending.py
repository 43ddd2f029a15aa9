"""No order that followed from a decision is amended into what the risk gate would not have let in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import NOW, a_market, a_quote, an_account, an_order, d
from trading.domain.commands import AmendOrder, Bracket, PlaceOrder
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.decisions import Decision
from trading.domain.enums import Action, OrderType, Side
from trading.domain.limits import Conduct, RiskLimits
from trading.domain.state import AccountState

NONE = RiskLimits(None, None, None, None, None, None, None, None, None, False, None)
ID = 7


def followed(order: PlaceOrder, limits: RiskLimits, mark: str = "50000") -> AccountState:
    """An account of 10,000 on which an order has followed from a decision."""
    action = Action.BUY if order.side is Side.BUY else Action.SELL
    state = replace(an_account(), limits=limits, decided={ID: Decision(ID, "BTC", action, NOW, d(mark))})
    result = decide(state, replace(order, decision_id=ID), a_market(a_quote(mark)), NOW)
    assert isinstance(result, Accepted), result
    return result.state


def amended(state: AccountState, which: int = -1, mark: str = "50000", after_s: float = 1, **figures: str) -> Any:
    """Amend the order, or (-2, -3) one of its brackets; return the reason of its refusal, None: it was done."""
    at = NOW + timedelta(seconds=after_s)
    command = AmendOrder(which, **{name: d(value) for name, value in figures.items()})
    result = decide(state, command, a_market(a_quote(mark, at=at)), at)
    return result.error.reason if isinstance(result, Rejected) else None


def only(**limits: Any) -> RiskLimits:
    return replace(NONE, **limits)


def resting(size: str = "0.1", price: str = "49000", **values: Any) -> PlaceOrder:
    return an_order("buy", size, price, **values)


def with_stop(trigger: str, **values: Any) -> PlaceOrder:
    return replace(an_order("buy", "0.1", **values), stop_loss=Bracket(d(trigger)))


@pytest.mark.parametrize(
    ("limits", "inside", "outside", "reason"),
    [
        (only(symbol_exposure=d(1)), {"size": "0.2"}, {"size": "0.205"}, "risk_symbol_exposure"),
        (only(gross_exposure=d(1)), {"size": "0.2"}, {"size": "0.205"}, "risk_gross_exposure"),
        (only(symbol_exposure=d("0.49")), {"price": "48000"}, {"price": "49100"}, "risk_symbol_exposure"),
    ],
)
def test_what_rests_is_held_to_the_exposure(
    limits: RiskLimits, inside: dict[str, str], outside: dict[str, str], reason: str
) -> None:
    state = followed(resting(), limits)
    assert amended(state, **inside) is None
    assert amended(state, **outside) == reason


def test_what_rests_is_held_to_the_risk_of_its_trade() -> None:
    state = followed(replace(resting(), stop_loss=Bracket(d("48000"))), only(risk_pct=d(1)))
    assert amended(state, size="0.1001") == "risk_per_trade"
    assert amended(state, price="49001") == "risk_per_trade"
    assert amended(state, price="48900") is None
    assert amended(state, size="0.05") is None


def test_a_stop_that_waits_goes_nearer_but_not_too_far() -> None:
    state = followed(replace(resting(), stop_loss=Bracket(d("48500"))), only(risk_pct=d(1)))
    assert amended(state, -2, trigger_price="48000") is None
    assert amended(state, -2, trigger_price="47999") == "risk_per_trade"
    poorer = replace(state, limits=only(risk_pct=d("0.01")))
    assert amended(poorer, -2, trigger_price="48600") is None


def test_a_target_that_waits_keeps_the_reward_over_risk() -> None:
    order = replace(resting(), stop_loss=Bracket(d("48000")), take_profit=Bracket(d("52000")))
    state = followed(order, only(min_reward_risk=d(2)))
    assert amended(state, -3, trigger_price="51000") is None
    assert amended(state, -3, trigger_price="50999") == "risk_reward_risk"


def test_a_stop_at_work_goes_nearer_but_not_too_far() -> None:
    state = followed(with_stop("49500"), only(risk_pct=d(1)))
    entry = state.positions["BTC"].entry_price
    edge = entry - Decimal(10_000) / 100 / d("0.1")
    assert amended(state, -2, trigger_price=str(edge.quantize(d(1)) + 3)) is None
    assert amended(state, -2, trigger_price=str(edge.quantize(d(1)) - 3)) == "risk_per_trade"
    assert amended(state, -2, trigger_price="49900") is None
    assert amended(replace(state, limits=NONE), -2, trigger_price="40000") is None


def test_nothing_more_is_opened_on_an_old_decision_or_at_another_price() -> None:
    state = followed(resting(), only(max_age=timedelta(seconds=60), max_drift_pct=d(1)))
    assert amended(state, size="0.2", after_s=60) is None
    assert amended(state, size="0.2", after_s=61) == "risk_decision_expired"
    assert amended(state, size="0.2", mark="50600") == "risk_price_drift"
    assert amended(state, price="49100", after_s=3600) is None
    assert amended(state, size="0.05", after_s=3600) is None


def test_an_account_that_lost_amends_nothing_to_open_more() -> None:
    state = replace(followed(resting(), only(cooldown=timedelta(minutes=5))), conduct=Conduct((), NOW))
    assert amended(state, price="49100") == "risk_cooldown"
    assert amended(state, size="0.05") is None


def test_amending_is_no_order_of_its_own() -> None:
    state = followed(resting(), only(orders_per_hour=1))
    assert amended(state, price="49100") is None


def test_one_that_waits_for_its_trigger_is_held_to_them_too() -> None:
    order = PlaceOrder("BTC", Side.BUY, d("0.1"), OrderType.STOP_MARKET, trigger_price=d("51000"))
    state = followed(order, only(symbol_exposure=d("0.52")))
    assert amended(state, trigger_price="52000") is None
    assert amended(state, trigger_price="52001") == "risk_symbol_exposure"


def test_orders_without_a_decision_are_not_asked() -> None:
    result = decide(replace(an_account(), limits=only(symbol_exposure=d(1))), resting(), a_market(a_quote()), NOW)
    assert isinstance(result, Accepted)
    assert amended(result.state, size="0.3") is None
