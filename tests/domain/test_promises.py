"""What holds of every story: ids, cancels, batches, brackets, isolated margin and orders on their way."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import SECOND, d, trades
from tests.domain.stories import Asked, Step, copied, prices, stories, told
from trading.domain import margin
from trading.domain.commands import (
    AmendOrder,
    CancelOrder,
    ClosePosition,
    FireTrigger,
    MatchOrder,
    PlaceOrder,
    SubmitDecision,
)
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.enums import OrderStatus, Side
from trading.domain.errors import DuplicateClientOrderId
from trading.domain.facts import CashMoved, Fact, TradeExecuted
from trading.domain.fees import fee
from trading.domain.money import MICRO
from trading.domain.orders import Order
from trading.domain.risk import pool_with
from trading.domain.state import AccountState

NAMED = PlaceOrder | ClosePosition
A_DAY = timedelta(days=1)


def moving(facts: tuple[Fact, ...]) -> list[Fact]:
    return [fact for fact in facts if isinstance(fact, TradeExecuted | CashMoved)]


# Ids


@given(stories)
def test_an_order_that_is_sent_again_whenever_is_the_first_one_and_does_nothing(story: list[Asked]) -> None:
    sent: dict[str, tuple[int, NAMED]] = {}
    for step in told(story):
        command = step.command
        if isinstance(step.decided, Accepted) and isinstance(command, NAMED) and command.client_order_id:
            [order, *_] = step.decided.orders
            sent.setdefault(command.client_order_id, (order.ref, command))
        for name, (ref, first) in sent.items():
            again = decide(step.decided.state, first, step.left, step.now + A_DAY, step.policies)
            assert isinstance(again, Accepted), name
            assert (again.state, again.facts, again.duplicate) == (step.decided.state, (), True)
            assert again.orders == (step.decided.state.orders[ref],)
            other = replace(first, symbol="ETH" if first.symbol == "BTC" else "BTC")
            refused = decide(step.decided.state, other, step.left, step.now, step.policies)
            assert isinstance(refused, Rejected)
            assert isinstance(refused.error, DuplicateClientOrderId)


@given(stories)
def test_no_two_orders_share_a_client_id_and_ids_never_change(story: list[Asked]) -> None:
    for step in told(story):
        names = [o.client_order_id for o in step.decided.state.orders.values() if o.client_order_id]
        assert len(names) == len(set(names))
        for ref, order in step.before.orders.items():
            later = step.decided.state.orders[ref]
            assert (later.ref, later.client_order_id, later.body) == (order.ref, order.client_order_id, order.body)


@given(stories)
def test_a_decision_that_is_sent_again_is_carried_out_once(story: list[Asked]) -> None:
    for step in told(story):
        if isinstance(step.command, SubmitDecision) and isinstance(step.decided, Accepted):
            again = decide(step.decided.state, step.command, step.left, step.now, step.policies)
            assert isinstance(again, Accepted)
            if step.command.client_decision_id:
                assert (again.state, again.facts, again.duplicate) == (step.decided.state, (), True)


# Cancels and fills


def on(step: Step, order: Order) -> list[FireTrigger | MatchOrder]:
    return [FireTrigger(order.ref), MatchOrder(order.ref)]


@given(stories, st.data())
@settings(max_examples=60)
def test_a_cancel_and_a_fill_that_race_leave_the_order_filled_or_canceled_but_never_both(
    story: list[Asked], data: st.DataObject
) -> None:
    steps = [step for step in told(story) if any(order.is_active for order in step.decided.state.orders.values())]
    if not steps:
        return
    step = data.draw(st.sampled_from(steps))
    state, now = step.decided.state, step.now + A_DAY
    order = data.draw(st.sampled_from([order for order in state.orders.values() if order.is_active]))

    canceled = decide(state, CancelOrder(order.ref), copied(step.left), now, step.policies)
    assert isinstance(canceled, Accepted)
    assert not moving(canceled.facts)
    for command in on(step, order):
        late = decide(canceled.state, command, copied(step.left), now, step.policies)
        assert isinstance(late, Accepted)
        assert (late.facts, late.state) == ((), canceled.state)

    for command in on(step, order):
        market = copied(step.left)
        filled = decide(state, command, market, now, step.policies)
        assert isinstance(filled, Accepted)
        after = decide(filled.state, CancelOrder(order.ref), market, now, step.policies)
        met = filled.state.orders[order.ref]
        if isinstance(after, Rejected):
            assert not met.is_active
            assert after.error.code == "not_open"
            continue
        # Whichever comes first, the cancel ends the order and keeps just what was filled before it.
        ended = after.state.orders[order.ref]
        assert not moving(after.facts)
        assert (ended.status, ended.filled_size) == (OrderStatus.CANCELED, met.filled_size)
        if filled.facts == ():
            assert after.state == canceled.state


@given(stories, st.data())
@settings(max_examples=60)
def test_cancels_commute(story: list[Asked], data: st.DataObject) -> None:
    *_, step = [None, *told(story)]
    if step is None:
        return
    state = step.decided.state
    active = [order.ref for order in state.orders.values() if order.is_active]
    if len(active) < 2:
        return
    one, other = data.draw(st.permutations(active))[:2]

    def after(*refs: int) -> AccountState:
        left = state
        for ref in refs:
            left = decide(left, CancelOrder(ref), step.left, step.now, step.policies).state
        return left

    first, second = after(one, other), after(other, one)
    assert first.positions == second.positions
    assert (first.cash, first.order_margin()) == (second.cash, second.order_margin())
    assert {r: o.status for r, o in first.orders.items()} == {r: o.status for r, o in second.orders.items()}


# Amending


@given(stories, st.data())
@settings(max_examples=300)
def test_an_amended_order_stands_where_a_new_one_would(story: list[Asked], data: st.DataObject) -> None:
    steps = [step for step in told(story) if any(step.decided.state.open_orders())]
    if not steps:
        return
    step = data.draw(st.sampled_from(steps))
    state, now = step.decided.state, step.now + SECOND
    order = data.draw(st.sampled_from(list(state.open_orders())))
    price = data.draw(st.none() | prices(order.symbol))
    size = data.draw(st.none() | st.sampled_from([order.size * 2, order.size, order.filled_size + d("0.001")]))
    amended = decide(state, AmendOrder(order.ref, size=size, price=price), copied(step.left), now, step.policies)
    if isinstance(amended, Rejected):
        assert amended.state is state
        return
    later = amended.state.orders[order.ref]
    assert later.filled_size >= order.filled_size
    if later.price == order.price and later.size <= order.size:
        assert (later.queued_at, later.queue_ahead) == (order.queued_at, order.queue_ahead)
        assert (later.active_at, moving(amended.facts)) == (order.active_at, [])
    elif step.policies.latency.most_ms or order.active_at is not None:
        assert moving(amended.facts) == []
        assert later.active_at is not None
        assert later.active_at >= max(now, order.active_at or now)
    else:
        assert later.queued_at == now
    if amended.state.order_margin() > state.order_margin() and not moving(amended.facts):
        marks, held = state.marks(step.market), list(state.positions.values())
        used = margin.margin_used(margin.cross_positions(held), marks)
        assert margin.cross_value(state.cash, held, marks) >= used + amended.state.order_margin()


@given(stories)
@settings(max_examples=250)
def test_what_is_on_its_way_neither_fills_nor_queues_before_it_arrives(story: list[Asked]) -> None:
    for step in told(story):
        for trade in trades(step.decided.facts) if isinstance(step.decided, Accepted) else ():
            order = step.decided.state.orders[trade.order_ref]
            assert order.active_at is None
            before = step.before.orders.get(trade.order_ref)
            assert before is None or before.active_at is None or before.active_at <= step.now
        for order in step.decided.state.orders.values():
            if order.is_open and order.active_at is not None:
                assert order.queue_ahead == 0


# Brackets


@given(stories)
def test_orders_that_only_reduce_never_open_or_turn_a_position(story: list[Asked]) -> None:
    for step in told(story):
        for trade in trades(step.decided.facts) if isinstance(step.decided, Accepted) else ():
            order = step.decided.state.orders[trade.order_ref]
            if order.reduce_only:
                sign = 1 if trade.side is Side.BUY else -1
                assert trade.pnl is not None
                assert trade.start_position * sign < 0
                assert trade.size <= abs(trade.start_position)


@given(stories)
def test_of_two_brackets_one_fills_whole_at_most(story: list[Asked]) -> None:
    for step in told(story):
        families: dict[int, list[Order]] = {}
        for order in step.decided.state.orders.values():
            if order.parent_ref is not None:
                families.setdefault(order.parent_ref, []).append(order)
        for parent, children in families.items():
            filled = [child for child in children if child.status is OrderStatus.FILLED]
            assert len(filled) <= 1
            assert not filled or not any(child.is_active for child in children)
            ended = step.decided.state.orders[parent]
            if ended.status is OrderStatus.CANCELED and ended.reason != "margin_canceled":
                assert not any(child.is_active for child in children)


# Isolated margin


@given(stories)
@settings(max_examples=250)
def test_margin_is_set_aside_for_open_isolated_positions_only_and_adds_up(story: list[Asked]) -> None:
    for step in told(story):
        state, marks = step.decided.state, step.decided.state.marks(step.market)
        held = list(state.positions.values())
        for position in held:
            assert position.isolated_margin == position.isolated_margin.quantize(MICRO)
            assert (position.is_isolated and position.is_open) or position.isolated_margin == 0
            before = step.before.positions.get(position.symbol)
            if before is not None and before.is_open and position.is_open:
                assert position.margin_mode is before.margin_mode
        apart = margin.margin_used(margin.isolated_positions(held), marks)
        assert margin.cross_value(state.cash, held, marks) + apart == state.equity(step.market)


@given(stories)
def test_nothing_that_was_opened_is_below_its_maintenance_margin_but_for_its_fees(story: list[Asked]) -> None:
    for step in told(story):
        if isinstance(step.decided, Rejected):
            continue
        for symbol in {trade.symbol for trade in trades(step.decided.facts) if _opens(trade)}:
            paid = sum((trade.fee for trade in trades(step.decided.facts)), d(0))
            pool = pool_with(step.decided.state, symbol, step.market)
            assert pool.value + paid >= pool.maintenance


def _opens(trade: TradeExecuted) -> bool:
    sign = 1 if trade.side is Side.BUY else -1
    return trade.start_position * sign >= 0 or trade.size > abs(trade.start_position)


@given(stories)
def test_each_fill_pays_its_fee_to_the_last_digit(story: list[Asked]) -> None:
    for step in told(story):
        for trade in trades(step.decided.facts) if isinstance(step.decided, Accepted) else ():
            assert trade.fee == fee(trade.price, trade.size, step.before.fee_rates.rate(trade.liquidity))


# The margin of orders


@given(stories)
def test_orders_hold_the_margin_of_what_they_would_open_the_oldest_reducing_first(story: list[Asked]) -> None:
    for step in told(story):
        state, held = step.decided.state, d(0)
        left = {symbol: position.size for symbol, position in state.positions.items()}
        for order in sorted(state.open_orders(), key=lambda order: (order.created_at, -order.ref)):
            if order.reduce_only:
                continue
            position, opens = state.positions.get(order.symbol), order.remaining
            if position is not None and position.is_open and position.side.closing_side is order.side:
                opens = max(d(0), opens - left[order.symbol])
                left[order.symbol] -= order.remaining - opens
            held += margin.initial_margin(opens * order.price, order.leverage)
        assert abs(state.order_margin() - held) < d("1e-20")
