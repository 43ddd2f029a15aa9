"""No sequence of decisions breaks a limit, whatever is decided and however the market moves."""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import NOW, a_market, a_quote, an_account, d
from trading.domain.commands import Bracket, CancelAllOrders, PlaceOrder, SubmitDecision
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.decisions import Decision
from trading.domain.enums import Action, OrderType, Side, TimeInForce
from trading.domain.facts import TradeExecuted
from trading.domain.limits import RiskLimits
from trading.domain.market import Market
from trading.domain.orders import Order
from trading.domain.state import AccountState

MARKS = {"BTC": d("50000"), "ETH": d("2500")}
HOUR = timedelta(hours=1)
LIMITS = RiskLimits(
    risk_pct=d(2),
    gross_exposure=d(3),
    symbol_exposure=d(2),
    max_leverage=12,
    daily_loss_pct=d(3),
    cooldown=timedelta(minutes=5),
    orders_per_hour=8,
    max_age=timedelta(seconds=60),
    max_drift_pct=d(1),
)
FREE = RiskLimits(None, None, None, None, None, None, None, None, None)
SETS = [
    LIMITS,
    replace(FREE, gross_exposure=d(1)),
    replace(FREE, symbol_exposure=d(1)),
    replace(FREE, daily_loss_pct=d("0.5")),
    replace(FREE, cooldown=timedelta(minutes=5), orders_per_hour=5),
]
"""All together, and those that the others would hide."""


@dataclass(frozen=True)
class Step:
    """What a model decides, and what the market and the clock did before that."""

    symbol: str
    action: Action
    kind: str
    share: Decimal
    """Of the equity that the order is worth, as a multiple."""
    leverage: int | None
    stop_pct: Decimal | None
    away_pct: Decimal
    moved_pct: Decimal
    waited: timedelta
    age: timedelta
    drift_pct: Decimal
    later: bool
    cancels: bool


def some(low: str, high: str, places: int = 2) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=places, allow_nan=False)


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 3 * len(others) + [*others])


STEPS = st.builds(
    Step,
    symbol=st.sampled_from(list(MARKS)),
    action=st.sampled_from([Action.BUY, Action.SELL, Action.BUY, Action.SELL, Action.CLOSE]),
    kind=st.sampled_from(["market", "market", "limit", "ioc", "stop", "reduce"]),
    share=st.one_of(some("0.05", "0.5"), some("0.5", "2.5")),
    leverage=mostly(None, 12, 13, 25),
    stop_pct=st.one_of(some("0.2", "3"), some("0.2", "3"), st.none()),
    away_pct=some("-0.5", "3"),
    moved_pct=some("-1.5", "1.5"),
    waited=st.sampled_from([timedelta(seconds=1), timedelta(minutes=4), timedelta(minutes=6), timedelta(minutes=20)]),
    age=mostly(timedelta(0), timedelta(seconds=60), timedelta(seconds=61)),
    drift_pct=mostly(d(0), d("0.9"), d("-1.2")),
    later=st.booleans(),
    cancels=mostly(False, True),
)


def an_order(step: Step, state: AccountState, market: Market) -> PlaceOrder:
    mark = market.quotes[step.symbol].mark
    held = state.positions.get(step.symbol)
    if step.action is Action.CLOSE or step.kind == "reduce":
        side = held.side.closing_side if held is not None and held.is_open else Side.SELL
        return PlaceOrder(step.symbol, side, d("1000"), reduce_only=True)
    side = Side.BUY if step.action is Action.BUY else Side.SELL
    worth = max(state.equity(market), d(100)) * step.share
    size = (worth / mark).quantize(d("0.0001")) or d("0.0001")
    price = (mark * (1 - side.sign * step.away_pct / 100)).quantize(d(1))
    fields: dict[str, Any] = {"leverage": step.leverage}
    if step.stop_pct is not None:
        fields["stop_loss"] = Bracket((min(mark, price) * (1 - side.sign * step.stop_pct / 100)).quantize(d(1)))
    if step.kind == "limit":
        fields |= {"order_type": OrderType.LIMIT, "price": price}
    elif step.kind == "ioc":
        fields |= {"order_type": OrderType.LIMIT, "price": price, "time_in_force": TimeInForce.IOC}
    elif step.kind == "stop":
        trigger = (mark * (1 + side.sign * (abs(step.away_pct) + d("0.1")) / 100)).quantize(d(1))
        fields |= {"order_type": OrderType.STOP_MARKET, "trigger_price": trigger}
    return PlaceOrder(step.symbol, side, size, **fields)


def worth(state: AccountState, market: Market) -> dict[str, Decimal]:
    """Return the most that each position can be worth, once what waits and may open is filled on one side."""
    found = {}
    for symbol, quote in market.quotes.items():
        position = state.positions.get(symbol)
        held = (position.signed_size if position is not None else d(0)) * quote.mark
        sides = {Side.BUY: max(held, d(0)), Side.SELL: max(-held, d(0))}
        for order in state.orders.values():
            if order.symbol == symbol and order.is_active and not order.reduce_only:
                price = order.trigger_price or order.price
                sides[order.side] += order.remaining * (price if order.side is Side.BUY else max(price, quote.mark))
        found[symbol] = max(sides.values())
    return found


def opened(before: AccountState, order: Order, result: Accepted) -> bool:
    """Tell whether an order opened something, or may yet."""
    held = before.positions.get(order.symbol)
    now_held = result.state.positions.get(order.symbol)
    was = held.signed_size if held is not None else d(0)
    now = now_held.signed_size if now_held is not None else d(0)
    return (order.is_active and not order.reduce_only) or abs(now) > abs(was) or was * now < 0


def carried_out(
    state: AccountState, step: Step, order: PlaceOrder, market: Market, now: datetime
) -> Accepted | Rejected:
    """Decide the step's decision: with its order, or the order later."""
    mark = market.quotes[step.symbol].mark / (1 + step.drift_pct / 100)
    if not step.later:
        command = SubmitDecision(
            "m", step.symbol, step.action, "so", order=order, decided_at=now - step.age, decided_mark=mark
        )
        return decide(state, command, market, now)
    decision = Decision(7, step.symbol, step.action, now - step.age, mark)
    return decide(replace(state, decided={7: decision}), replace(order, decision_id=7), market, now)


@settings(max_examples=200)
@given(st.sampled_from(SETS), st.lists(STEPS, min_size=8, max_size=30))
def test_no_sequence_of_decisions_breaks_a_limit(limits: RiskLimits, steps: list[Step]) -> None:
    state, now, marks = an_account(limits=limits), NOW, dict(MARKS)
    lost_at: datetime | None = None
    followed: list[datetime] = []
    for step in steps:
        now += step.waited
        marks[step.symbol] = (marks[step.symbol] * (1 + step.moved_pct / 100)).quantize(d(1))
        market = a_market(*(a_quote(str(mark), symbol, at=now) for symbol, mark in marks.items()))
        if step.cancels:
            state = decide(state, CancelAllOrders(), market, now).state
        asked = an_order(step, state, market)
        equity, day = state.equity(market), state.day.rolled(now)
        result = carried_out(state, step, asked, market, now)
        if isinstance(result, Accepted) and result.orders:
            order = result.orders[0]
            if opened(state, order, result):
                most, base = replace(LIMITLESS, **given_of(limits)), day.open_equity + day.net_deposits
                of_each = worth(result.state, market)
                assert order.leverage <= most.max_leverage
                assert step.age <= most.max_age
                assert abs(step.drift_pct) <= most.max_drift_pct
                assert lost_at is None or now - lost_at >= most.cooldown
                assert len([at for at in followed if at > now - HOUR]) < most.orders_per_hour
                assert base - equity < most.daily_loss_pct * base / 100
                assert loss_of(asked, order, state, marks[step.symbol]) * 100 <= equity * most.risk_pct
                assert of_each[step.symbol] <= equity * most.symbol_exposure
                assert sum(of_each.values()) <= equity * most.gross_exposure
            followed.append(now)
        if any((fact.pnl or 0) < 0 for fact in result.facts if isinstance(fact, TradeExecuted)):
            lost_at = now
        state = result.state


LIMITLESS: Any = RiskLimits(d(10**6), d(10**6), d(10**6), 10**6, d(10**6), timedelta(0), 10**6, HOUR * 10**6, d(10**6))


def given_of(limits: RiskLimits) -> dict[str, Any]:
    """Return the limits that there are."""
    return {each.name: value for each in fields(limits) if (value := getattr(limits, each.name)) is not None}


def loss_of(asked: PlaceOrder, order: Order, before: AccountState, mark: Decimal) -> Decimal:
    """Return what an order may lose at its stop, of what it opens; without one that is not known."""
    held = before.positions.get(order.symbol)
    at_once = order.order_type is OrderType.MARKET or asked.time_in_force is TimeInForce.IOC
    against = held.size if held is not None and held.side.closing_side is order.side and at_once else d(0)
    opens = max(d(0), order.size - against)
    entry = asked.price or asked.trigger_price or mark
    if asked.stop_loss is None:
        return d(0)
    return opens * (entry - asked.stop_loss.trigger_price) * order.side.sign
