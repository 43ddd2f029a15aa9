"""The risk gate: each rule just inside its edge, exactly at it and just outside."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import NOW, a_market, a_position, a_quote, an_account, an_order, d
from trading.domain.commands import Bracket, ClosePosition, PlaceOrder, SubmitDecision
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.decisions import Decision
from trading.domain.enums import AccountStatus, Action, DecisionStatus, OrderType, Side, TimeInForce
from trading.domain.equity import Day
from trading.domain.facts import DecisionFollowed, DecisionRecorded, TradeExecuted
from trading.domain.latency import Latency
from trading.domain.limits import Conduct, RiskLimits
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.state import AccountState

NONE = RiskLimits(None, None, None, None, None, None, None, None, None, False, None)
MARK = "50000"
TICK, MS = timedelta(microseconds=1), timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Asked:
    """One order of a decision, and the moment that it comes in. What is not given is harmless."""

    order: PlaceOrder
    limits: RiskLimits = NONE
    mark: str = MARK
    decided_mark: str = MARK
    age: timedelta = timedelta(0)
    state: AccountState = field(default_factory=an_account)
    policies: Policies = DEFAULTS

    @property
    def action(self) -> Action:
        return Action.BUY if self.order.side is Side.BUY else Action.SELL


def with_it(asked: Asked) -> tuple[DecisionStatus, str, AccountState]:
    """Submit the decision together with its order."""
    state = replace(asked.state, limits=asked.limits)
    command = SubmitDecision(
        "m",
        "BTC",
        asked.action,
        "so",
        order=asked.order,
        decided_at=NOW - asked.age,
        decided_mark=d(asked.decided_mark),
    )
    market = a_market(a_quote(asked.mark), a_quote("3000", "ETH"))
    result = decide(state, command, market, NOW, asked.policies)
    assert isinstance(result, Accepted), result
    [told] = [fact for fact in result.facts if isinstance(fact, DecisionRecorded)]
    if told.status is DecisionStatus.REFUSED:
        assert (len(result.facts), result.orders, told.order_ref) == (1, (), None)
    return told.status, told.outcome, result.state


def after_it(asked: Asked) -> tuple[DecisionStatus, str, AccountState]:
    """Place the order of a decision that was submitted before."""
    decision = Decision(7, "BTC", asked.action, NOW - asked.age, d(asked.decided_mark))
    state = replace(asked.state, limits=asked.limits, decided={7: decision})
    market = a_market(a_quote(asked.mark), a_quote("3000", "ETH"))
    result = decide(state, replace(asked.order, decision_id=7), market, NOW, asked.policies)
    [told] = [fact for fact in result.facts if isinstance(fact, DecisionFollowed)]
    if isinstance(result, Rejected):
        assert told.status is DecisionStatus.REFUSED
        assert len(result.facts) == 1
        assert f"refused, {result.error.reason}: {result.error.message}" == told.outcome
    else:
        assert (told.status, told.order_ref) == (DecisionStatus.ACCEPTED, result.orders[0].ref)
        assert result.orders[0].decision_ref == 7
    return told.status, told.outcome, result.state


def only(**limits: Any) -> RiskLimits:
    return replace(NONE, **limits)


def a_buy(size: str = "0.01", price: str | None = None, **values: Any) -> PlaceOrder:
    return an_order("buy", size, price, **values)


def a_sell(size: str = "0.01", price: str | None = None, **values: Any) -> PlaceOrder:
    return an_order("sell", size, price, **values)


def stop(trigger: str, price: str | None = None) -> dict[str, Bracket]:
    return {"stop_loss": Bracket(d(trigger), None if price is None else d(price))}


def target(trigger: str) -> dict[str, Bracket]:
    return {"take_profit": Bracket(d(trigger))}


def both(sl: str, tp: str) -> dict[str, Bracket]:
    return {**stop(sl), **target(tp)}


def sizes(inside: str, at: str, outside: str, make: Any = a_buy, **values: Any) -> list[PlaceOrder]:
    return [make(size, **values) for size in (inside, at, outside)]


def a_resting(*orders: PlaceOrder, **values: Any) -> AccountState:
    """Build an account with orders that nobody's decision placed."""
    state = an_account(**values)
    for order in orders:
        result = decide(state, order, a_market(a_quote(MARK), a_quote("3000", "ETH")), NOW)
        assert isinstance(result, Accepted), result
        state = result.state
    return state


def a_day(equity: str, deposits: str = "0", day: Any = None) -> AccountState:
    opened = Day(day or NOW.date(), d("10000") - d(deposits), d(deposits), d("10000"))
    return an_account(equity, day=opened)


YES, NO = True, False
RISK_1 = only(risk_pct=d(1))  # 100 USDC
EXPOSURE_1 = only(symbol_exposure=d(1))  # 10,000 USDC
GROSS_1 = only(gross_exposure=d(1))
ETH_6000 = a_position("2", "3000", "ETH")
HOURLY_2 = only(orders_per_hour=2)

# Of each rule: the reason, and for three cases (inside its edge, at it, outside) the case and whether it passes.
RULES: dict[str, tuple[str, list[tuple[Asked, bool]]]] = {
    "risk of a market order at its stop": (
        "risk_per_trade",
        [
            (Asked(o, RISK_1), ok)
            for o, ok in zip(sizes("0.09999", "0.1", "0.10001", **stop("49000")), (YES, YES, NO), strict=True)
        ],
    ),
    "risk of a short at its stop": (
        "risk_per_trade",
        [
            (Asked(o, RISK_1), ok)
            for o, ok in zip(sizes("0.09999", "0.1", "0.10001", a_sell, **stop("51000")), (YES, YES, NO), strict=True)
        ],
    ),
    "risk of a limit order, from its price": (
        "risk_per_trade",
        [
            (Asked(o, RISK_1), ok)
            for o, ok in zip(
                sizes("0.04999", "0.05", "0.05001", price="48000", **stop("46000")), (YES, YES, NO), strict=True
            )
        ],
    ),
    "risk of a limit beyond the mark, from its price": (
        "risk_per_trade",
        [
            (Asked(o, RISK_1), ok)
            for o, ok in zip(
                sizes("0.04999", "0.05", "0.05001", price="50500", **stop("48500")), (YES, YES, NO), strict=True
            )
        ],
    ),
    "risk of a stop order, from its trigger": (
        "risk_per_trade",
        [
            (Asked(o, RISK_1), ok)
            for o, ok in zip(
                sizes(
                    "0.04999",
                    "0.05",
                    "0.05001",
                    order_type=OrderType.STOP_MARKET,
                    trigger_price=d(51000),
                    **stop("49000"),
                ),
                (YES, YES, NO),
                strict=True,
            )
        ],
    ),
    "risk down to the limit of a stop": (
        "risk_per_trade",
        [
            (Asked(o, RISK_1), ok)
            for o, ok in zip(sizes("0.04999", "0.05", "0.05001", **stop("49000", "48000")), (YES, YES, NO), strict=True)
        ],
    ),
    "risk without a stop is not known": (
        "risk_per_trade",
        [(Asked(o, RISK_1), YES) for o in sizes("0.01999", "0.02", "0.2")],
    ),
    "risk of what a turn opens": (
        "risk_per_trade",
        [
            (Asked(o, RISK_1, state=an_account(positions=[a_position("-0.1", MARK)])), ok)
            for o, ok in zip(sizes("0.19999", "0.2", "0.20001", **stop("49000")), (YES, YES, NO), strict=True)
        ],
    ),
    "exposure of a symbol": (
        "risk_symbol_exposure",
        [(Asked(o, EXPOSURE_1), ok) for o, ok in zip(sizes("0.19999", "0.2", "0.20001"), (YES, YES, NO), strict=True)],
    ),
    "exposure with what is held": (
        "risk_symbol_exposure",
        [
            (Asked(o, EXPOSURE_1, state=an_account(positions=[a_position("-0.15", MARK)])), ok)
            for o, ok in zip(sizes("0.04999", "0.05", "0.05001", a_sell), (YES, YES, NO), strict=True)
        ],
    ),
    "exposure with what waits": (
        "risk_symbol_exposure",
        [
            (Asked(o, EXPOSURE_1, state=a_resting(a_buy("0.1", "40000"))), ok)
            for o, ok in zip(sizes("0.11999", "0.12", "0.12001"), (YES, YES, NO), strict=True)
        ],
    ),
    "exposure of what will wait, at its limit": (
        "risk_symbol_exposure",
        [
            (Asked(o, EXPOSURE_1), ok)
            for o, ok in zip(sizes("0.24999", "0.25", "0.25001", price="40000"), (YES, YES, NO), strict=True)
        ],
    ),
    "exposure after a turn": (
        "risk_symbol_exposure",
        [
            (Asked(o, EXPOSURE_1, state=an_account(positions=[a_position("0.1", MARK)])), ok)
            for o, ok in zip(sizes("0.29999", "0.3", "0.30001", a_sell), (YES, YES, NO), strict=True)
        ],
    ),
    "exposure of all": (
        "risk_gross_exposure",
        [
            (Asked(o, GROSS_1, state=an_account(positions=[ETH_6000])), ok)
            for o, ok in zip(sizes("0.07999", "0.08", "0.08001"), (YES, YES, NO), strict=True)
        ],
    ),
    "exposure of all, with what waits": (
        "risk_gross_exposure",
        [
            (Asked(o, GROSS_1, state=a_resting(an_order("buy", "2", "2500", symbol="ETH"))), ok)
            for o, ok in zip(sizes("0.09999", "0.1", "0.10001"), (YES, YES, NO), strict=True)
        ],
    ),
    "leverage": (
        "risk_leverage",
        [(Asked(a_buy(leverage=n), only(max_leverage=12)), n <= 12) for n in (11, 12, 13)],
    ),
    "leverage that is the symbol's": (
        "risk_leverage",
        [(Asked(a_buy(), only(max_leverage=n)), n >= 10) for n in (11, 10, 9)],
    ),
    "loss of the day": (
        "risk_daily_loss",
        [
            (Asked(a_buy(), only(daily_loss_pct=d(5)), state=a_day(e)), e > "9500")
            for e in ("9500.000001", "9500", "9499.999999")
        ],
    ),
    "loss of the day, of what was deposited too": (
        "risk_daily_loss",
        [
            (Asked(a_buy(), only(daily_loss_pct=d(5)), state=a_day(e, deposits="9000")), e > "9500")
            for e in ("9500.000001", "9500", "9499.999999")
        ],
    ),
    "loss of the day, not of the one before": (
        "risk_daily_loss",
        [
            (Asked(a_buy(), only(daily_loss_pct=d(5)), state=a_day("9500", day=day)), ok)
            for day, ok in ((NOW.date() - timedelta(days=1), NO), (NOW.date(), NO))
        ],
    ),
    "cooldown after a loss": (
        "risk_cooldown",
        [
            (Asked(a_buy(), only(cooldown=HOUR), state=an_account(conduct=Conduct((), NOW - ago))), ago >= HOUR)
            for ago in (HOUR + TICK, HOUR, HOUR - TICK)
        ],
    ),
    "orders within an hour": (
        "risk_orders_per_hour",
        [
            (Asked(a_buy(), HOURLY_2, state=an_account(conduct=Conduct(at))), ok)
            for at, ok in (
                ((NOW,), YES),
                ((NOW - HOUR, NOW), YES),
                ((NOW - HOUR + TICK, NOW), NO),
                ((NOW, NOW, NOW), NO),
            )
        ],
    ),
    "age of the decision": (
        "risk_decision_expired",
        [(Asked(a_buy(), only(max_age=HOUR), age=age), age <= HOUR) for age in (HOUR - TICK, HOUR, HOUR + TICK)],
    ),
    "drift upwards": (
        "risk_price_drift",
        [
            (Asked(a_buy(), only(max_drift_pct=d(2)), mark=mark), mark <= "51000")
            for mark in ("50999", "51000", "51001")
        ],
    ),
    "drift downwards": (
        "risk_price_drift",
        [
            (Asked(a_sell(), only(max_drift_pct=d(2)), mark=mark), mark >= "49000")
            for mark in ("49001", "49000", "48999")
        ],
    ),
    "side of the stop of a buy": (
        "risk_stop_side",
        [(Asked(a_buy(**stop(at))), at < MARK) for at in ("49999", "50000", "50001")],
    ),
    "side of the stop of a sell": (
        "risk_stop_side",
        [(Asked(a_sell(**stop(at))), at > MARK) for at in ("50001", "50000", "49999")],
    ),
    "side of the stop of a limit order": (
        "risk_stop_side",
        [(Asked(a_buy("0.01", "48000", **stop(at))), at < "48000") for at in ("47999", "48000", "49000")],
    ),
    "side of the target of a buy": (
        "risk_target_side",
        [(Asked(a_buy(**target(at))), at > MARK) for at in ("50001", "50000", "49999")],
    ),
    "side of the target of a sell": (
        "risk_target_side",
        [(Asked(a_sell(**target(at))), at < MARK) for at in ("49999", "50000", "50001")],
    ),
    "the stop is required": (
        "risk_stop_required",
        [(Asked(a_buy(**given), only(require_stop=True)), bool(given)) for given in (stop("49000"), {})],
    ),
    "reward over risk, from the real mark": (
        "risk_reward_risk",
        [
            (Asked(a_buy(**both("49000", tp)), only(min_reward_risk=d(2)), decided_mark="49500"), tp >= "52000")
            for tp in ("52001", "52000", "51999")
        ],
    ),
    "reward over risk of a sell": (
        "risk_reward_risk",
        [
            (Asked(a_sell(**both("51000", tp)), only(min_reward_risk=d("1.5"))), tp <= "48500")
            for tp in ("48499", "48500", "48501")
        ],
    ),
    "reward over risk needs both": (
        "risk_reward_risk",
        [
            (Asked(a_buy(**given), only(min_reward_risk=d("0.1"))), given == both("49000", "52000"))
            for given in (both("49000", "52000"), stop("49000"), target("52000"), {})
        ],
    ),
}
CASES = [
    pytest.param(asked, reason, passes, id=f"{rule}, {number}")
    for rule, (reason, cases) in RULES.items()
    for number, (asked, passes) in enumerate(cases)
]


@pytest.mark.parametrize("carry_out", [with_it, after_it])
@pytest.mark.parametrize(("asked", "reason", "passes"), CASES)
def test_a_rule_at_its_edge(asked: Asked, reason: str, passes: bool, carry_out: Any) -> None:
    status, outcome, state = carry_out(asked)
    if passes:
        assert status is DecisionStatus.ACCEPTED, outcome
    else:
        assert status is DecisionStatus.REFUSED
        assert outcome.startswith(f"refused, {reason}: ")
        assert (state.cash, state.positions, state.orders) == (
            asked.state.cash, asked.state.positions, asked.state.orders
        )  # fmt: skip


TIGHT = RiskLimits(
    d("0.0001"), d("0.0001"), d("0.0001"), 1, d("0.0001"), HOUR, 0, timedelta(0), d("0.0001"), True, d(100)
)
LOST = Conduct((NOW,), NOW)


def in_trouble(signed_size: str = "0.1", **values: Any) -> AccountState:
    opened = Day(NOW.date(), d("20000"), d(0), d("10000"))
    return an_account(positions=[a_position(signed_size, "52000")], conduct=LOST, day=opened, **values)


@pytest.mark.parametrize("carry_out", [with_it, after_it])
@pytest.mark.parametrize(
    ("order", "size"),
    [
        (a_sell("0.1"), "0.1"),
        (a_sell("0.04"), "0.1"),
        (a_sell("0.1", "49000", time_in_force=TimeInForce.IOC), "0.1"),
        (a_sell("5", reduce_only=True), "0.1"),
        (a_sell("0.1", "60000", reduce_only=True), "0.1"),
        (a_sell("0.1", order_type=OrderType.STOP_MARKET, trigger_price=d(40000), reduce_only=True), "0.1"),
        (a_buy("0.1"), "-0.1"),
        (a_buy("5", reduce_only=True), "-0.1"),
    ],
)
def test_what_only_reduces_passes_whatever_the_limits(order: PlaceOrder, size: str, carry_out: Any) -> None:
    asked = Asked(order, TIGHT, state=in_trouble(size), decided_mark="60000", age=HOUR)
    status, outcome, state = carry_out(asked)
    assert status is DecisionStatus.ACCEPTED, outcome
    assert state.conduct.ordered_at == (NOW, NOW)


@pytest.mark.parametrize(
    ("order", "policies"),
    [
        (a_sell("0.10001"), DEFAULTS),
        (a_sell("0.1", "50500"), DEFAULTS),
        (a_sell("0.1", order_type=OrderType.STOP_MARKET, trigger_price=d(40000)), DEFAULTS),
        (a_sell("0.1"), replace(DEFAULTS, latency=Latency(200, 500))),
        (a_buy("0.01"), DEFAULTS),
    ],
)
def test_what_may_open_by_the_time_that_it_fills_is_no_reduction(order: PlaceOrder, policies: Policies) -> None:
    status, outcome, _ = with_it(Asked(order, only(orders_per_hour=0), state=in_trouble(), policies=policies))
    assert (status, outcome.split(":")[0]) == (DecisionStatus.REFUSED, "refused, risk_orders_per_hour")


def test_a_reduction_may_not_raise_the_leverage_above_the_limit() -> None:
    held = an_account(positions=[a_position("0.1", MARK, leverage=10)])
    limits = only(max_leverage=5)
    for leverage, passes in ((None, True), (10, True), (3, True), (11, False)):
        status, outcome, _ = with_it(Asked(a_sell("0.05", leverage=leverage), limits, state=held))
        assert (status is DecisionStatus.ACCEPTED) is passes, outcome


def test_an_account_that_owes_opens_nothing() -> None:
    for limits in (only(risk_pct=d(100)), only(symbol_exposure=d(100)), only(gross_exposure=d(100))):
        status, outcome, _ = with_it(Asked(a_buy(stop_loss=Bracket(d("49000"))), limits, state=an_account("-1")))
        assert outcome.startswith("refused, risk_"), outcome
        assert status is DecisionStatus.REFUSED


def test_orders_that_follow_from_no_decision_are_not_asked() -> None:
    market = a_market(a_quote(MARK))
    state = an_account(limits=TIGHT, conduct=LOST)
    assert isinstance(decide(state, a_buy("0.1"), market, NOW), Accepted)


def test_a_loss_begins_the_cooldown_and_an_order_counts_within_the_same_batch() -> None:
    market = a_market(a_quote(MARK))
    state = an_account(positions=[a_position("0.1", "52000")], limits=only(cooldown=HOUR, orders_per_hour=1))
    closed = decide(state, ClosePosition("BTC"), market, NOW)
    assert [fact.pnl < 0 for fact in closed.facts if isinstance(fact, TradeExecuted) and fact.pnl is not None] == [True]
    buys = SubmitDecision("m", "BTC", Action.BUY, "so", order=a_buy())
    for at, expected in (
        (NOW + HOUR - TICK, "refused, risk_cooldown: "),
        (NOW + HOUR, "buy 0.01 filled at "),
        (NOW + HOUR + TICK, "refused, risk_orders_per_hour: "),
        (NOW + HOUR + HOUR, "buy 0.01 filled at "),
    ):
        decided = decide(closed.state, buys, a_market(a_quote(MARK, at=at)), at)
        told = decided.facts[0]
        assert isinstance(told, DecisionRecorded)
        assert told.outcome.startswith(expected), told.outcome
        closed = decided


def test_a_gain_and_a_fee_are_no_loss() -> None:
    state = an_account(positions=[a_position("0.1", "48000")])
    closed = decide(state, ClosePosition("BTC"), a_market(a_quote(MARK)), NOW)
    assert closed.state.conduct == Conduct()


# Which orders follow from a decision


def placed_after(decision: Decision, order: PlaceOrder, now: datetime = NOW, **state: Any) -> Accepted | Rejected:
    account = an_account(decided={decision.ref: decision}, **state)
    return decide(
        account, replace(order, decision_id=decision.ref), a_market(a_quote(MARK), a_quote("3000", "ETH")), now
    )


def a_said(action: Action, status: DecisionStatus = DecisionStatus.NONE) -> Decision:
    return Decision(7, "BTC", action, NOW, d(MARK), status)


@pytest.mark.parametrize(
    ("decision", "order"),
    [
        (a_said(Action.HOLD), a_buy()),
        (a_said(Action.BUY), a_sell()),
        (a_said(Action.SELL), a_buy()),
        (a_said(Action.BUY), a_buy(symbol="ETH")),
        (a_said(Action.CLOSE), a_sell("0.1")),
        (a_said(Action.BUY, DecisionStatus.INVALID), a_buy()),
        (a_said(Action.BUY, DecisionStatus.FAILED), a_buy()),
    ],
)
def test_an_order_is_what_the_decision_asks_for(decision: Decision, order: PlaceOrder) -> None:
    result = placed_after(decision, order, positions=[a_position("0.1", MARK)])
    assert isinstance(result, Rejected)
    assert (result.error.reason, result.facts) == ("decision_mismatch", ())


def test_a_decision_to_close_closes() -> None:
    result = placed_after(a_said(Action.CLOSE), a_sell("0.1", reduce_only=True), positions=[a_position("0.1", MARK)])
    assert isinstance(result, Accepted)
    assert result.state.positions["BTC"].size == 0


def test_an_unknown_decision_is_not_found() -> None:
    result = decide(an_account(), replace(a_buy(), decision_id=8), a_market(a_quote(MARK)), NOW)
    assert isinstance(result, Rejected)
    assert (result.error.code, result.facts) == ("not_found", ())


def test_one_order_follows_from_a_decision_and_its_retry_is_known() -> None:
    market = a_market(a_quote(MARK))
    order = replace(a_buy(client_order_id="mine"), decision_id=7)
    first = decide(an_account(decided={7: a_said(Action.BUY)}), order, market, NOW)
    assert isinstance(first, Accepted)
    again = decide(first.state, order, market, NOW + HOUR)
    assert again == Accepted(first.state, orders=(first.orders[0],), duplicate=True)
    other = decide(first.state, replace(order, client_order_id="another"), market, NOW)
    assert isinstance(other, Rejected)
    assert (other.error.reason, other.facts, other.state) == ("decision_carried_out", (), first.state)


def test_a_refused_order_may_be_mended_and_is_told_once() -> None:
    state = an_account(decided={7: a_said(Action.BUY)}, limits=EXPOSURE_1)
    market = a_market(a_quote(MARK))
    first = decide(state, replace(a_buy("0.3"), decision_id=7), market, NOW)
    again = decide(first.state, replace(a_buy("0.3"), decision_id=7), market, NOW)
    assert isinstance(first, Rejected)
    assert isinstance(again, Rejected)
    assert (len(first.facts), again.facts, again.state) == (1, (), first.state)
    mended = decide(again.state, replace(a_buy("0.2"), decision_id=7), market, NOW)
    assert isinstance(mended, Accepted)
    [told] = [fact for fact in mended.facts if isinstance(fact, DecisionFollowed)]
    assert (told.status, told.outcome[:15]) == (DecisionStatus.ACCEPTED, "buy 0.2 filled ")


def test_a_client_decides_nothing_on_a_frozen_account() -> None:
    said = SubmitDecision("m", "BTC", Action.BUY, "so", from_client=True)
    refused = decide(an_account(status=AccountStatus.FROZEN), said, a_market(a_quote(MARK)), NOW)
    assert isinstance(refused, Rejected)
    assert (refused.error.code, refused.facts) == ("account_frozen", ())


def test_what_the_exchange_itself_refuses_is_told_too() -> None:
    frozen = placed_after(a_said(Action.BUY), a_buy(), status=AccountStatus.FROZEN)
    [told] = frozen.facts
    assert isinstance(told, DecisionFollowed)
    assert told.outcome.startswith("refused, account_frozen: ")
    off_the_lot = placed_after(a_said(Action.BUY), a_buy("0.000001"))
    assert isinstance(off_the_lot, Rejected)
    assert off_the_lot.error.reason == "lot_rejected"


def test_the_same_id_with_another_body_is_refused_where_a_client_sent_it() -> None:
    market = a_market(a_quote(MARK))
    said = SubmitDecision("m", "BTC", Action.BUY, "so", d("0.8"), client_decision_id="x", from_client=True)
    first = decide(an_account(), said, market, NOW)
    assert isinstance(first, Accepted)
    same = decide(first.state, replace(said, confidence=d("0.8000")), market, NOW)
    assert same == Accepted(first.state, duplicate=True, decision=first.decision)
    for other in ({"reasoning": "other"}, {"action": Action.SELL}, {"confidence": None}, {"model": "n"}):
        refused = decide(first.state, replace(said, **other), market, NOW)  # type: ignore[arg-type]
        assert isinstance(refused, Rejected)
        assert refused.error.code == "duplicate_client_decision_id"


def test_the_mark_of_the_moment_is_what_a_decision_is_held_to() -> None:
    result = decide(an_account(), SubmitDecision("m", "BTC", Action.BUY, "so"), a_market(a_quote(MARK)), NOW)
    [told] = result.facts
    assert isinstance(told, DecisionRecorded)
    assert told.mark == Decimal(MARK)
