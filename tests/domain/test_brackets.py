"""The stop loss and take profit that come with an order: asleep until it is filled, and one ends the other."""

from dataclasses import replace
from typing import Any

import pytest

from tests.domain.given import NOW, SECOND, a_market, a_position, a_quote, accepted, an_account, an_order, d, refused
from trading.domain.commands import (
    AmendOrder,
    Bracket,
    CancelAllOrders,
    CancelOrder,
    FireTrigger,
    MatchOrder,
    MoveCash,
    PlaceOrder,
)
from trading.domain.enums import LedgerKind, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.market import Market
from trading.domain.orders import Order
from trading.domain.state import AccountState

LATER = NOW + SECOND


def bracketed(side: str = "buy", size: str = "0.1", price: str | None = None, **values: Any) -> PlaceOrder:
    stop, profit = values.pop("stop", "66000"), values.pop("profit", "70000")
    return an_order(
        side,
        size,
        price,
        stop_loss=stop and Bracket(d(stop), values.pop("stop_price", None)),
        take_profit=profit and Bracket(d(profit), values.pop("profit_price", None)),
        **values,
    )


def at(mark: str, bids: Any = None, asks: Any = None) -> Market:
    return a_market(a_quote(mark, bids=bids, asks=asks, at=LATER))


def placed(order: PlaceOrder, state: AccountState | None = None) -> tuple[AccountState, Order, Order, Order]:
    result = accepted(state or an_account("100000"), order, a_market(a_quote()))
    parent, stop, profit = result.orders
    assert (parent.parent_ref, stop.parent_ref, profit.parent_ref) == (None, parent.ref, parent.ref)
    return result.state, parent, stop, profit


def told(state: AccountState, *orders: Order) -> list[tuple[str, str]]:
    return [(state.orders[order.ref].status.value, state.orders[order.ref].reason) for order in orders]


def is_awake(state: AccountState, order: Order) -> bool:
    now = state.orders[order.ref]
    return now.status is OrderStatus.PENDING_TRIGGER and not now.awaits_parent


def test_they_are_reduce_only_triggers_of_the_other_side_and_the_parents_size() -> None:
    _, parent, stop, profit = placed(bracketed(profit_price=d("69900"), leverage=7))
    assert parent.status is OrderStatus.FILLED
    assert (stop.order_type, profit.order_type) == (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_LIMIT)
    for child in (stop, profit):
        assert (child.side, child.size, child.reduce_only, child.leverage) == (Side.SELL, d("0.1"), True, 7)
        assert (child.status, child.awaits_parent) == (OrderStatus.PENDING_TRIGGER, False)
    assert (stop.price, profit.price) == (d("59400"), d("69900"))
    assert (stop.time_in_force, profit.time_in_force) == (TimeInForce.IOC, TimeInForce.GTC)


@pytest.mark.parametrize(
    ("order", "path"),
    [
        (bracketed(stop="67000"), "stop_loss.trigger_price"),
        (bracketed(profit="67000"), "take_profit.trigger_price"),
        (bracketed("sell", stop="66000", profit="65000"), "stop_loss.trigger_price"),
        (bracketed("sell", stop="68000", profit="70000"), "take_profit.trigger_price"),
        (bracketed("buy", "0.1", "60000", stop="61000"), "stop_loss.trigger_price"),
        (bracketed("buy", "0.1", "69000", stop="67500"), "stop_loss.trigger_price"),
        (bracketed(stop="66000.5"), "stop_loss.trigger_price"),
        (bracketed(stop_price=d("65000.5")), "stop_loss.price"),
        (
            bracketed(order_type=OrderType.STOP_MARKET, trigger_price=d("68000"), profit="67500"),
            "take_profit.trigger_price",
        ),
    ],
)
def test_a_bracket_that_would_fire_at_once_or_is_off_the_grid_is_refused(order: PlaceOrder, path: str) -> None:
    error = refused(an_account("100000"), order, a_market(a_quote()))
    assert error.reason in ("bad_trigger_px_rejected", "tick_rejected")
    assert [problem.path for problem in error.fields] == [path]


def test_an_order_that_only_reduces_has_no_brackets() -> None:
    state = an_account(positions=[a_position("-0.5")])
    error = refused(state, bracketed(reduce_only=True), a_market(a_quote()))
    assert [problem.path for problem in error.fields] == ["stop_loss", "take_profit"]


def test_they_sleep_until_the_parent_is_filled_whatever_the_mark_does() -> None:
    state, parent, stop, profit = placed(bracketed("buy", "0.1", "66500", stop="66000", profit="66900"))
    assert told(state, stop, profit) == [("pending_trigger", "")] * 2
    assert accepted(state, FireTrigger(profit.ref), at("67000"), LATER).facts == ()
    partly = accepted(state, MatchOrder(parent.ref), at("66400", [], [("66400", "0.04")]), LATER).state
    assert not is_awake(partly, stop)
    filled = accepted(partly, MatchOrder(parent.ref), at("66400", [], [("66400", "1")]), LATER).state
    assert is_awake(filled, stop)
    assert is_awake(filled, profit)
    closed = accepted(filled, FireTrigger(profit.ref), at("66950"), LATER).state
    assert told(closed, profit, stop) == [("filled", ""), ("canceled", "sibling_filled_canceled")]
    assert not closed.positions["BTC"].is_open


def test_a_parent_canceled_takes_them_along_even_if_partly_filled() -> None:
    state, parent, stop, profit = placed(bracketed("buy", "0.1", "66500"))
    state = accepted(state, MatchOrder(parent.ref), at("66400", [], [("66400", "0.04")]), LATER).state
    state = accepted(state, CancelOrder(parent.ref), at("66400"), LATER).state
    assert told(state, stop, profit) == [("canceled", "parent_canceled")] * 2


def test_a_market_order_that_was_not_filled_whole_has_none() -> None:
    market = a_market(a_quote(asks=[("67010", "0.04")], bids=[]))
    parent, stop, profit = accepted(an_account("100000"), bracketed(), market).orders
    assert (parent.status, parent.filled_size) == (OrderStatus.CANCELED, d("0.04"))
    assert [child.reason for child in (stop, profit)] == ["parent_canceled"] * 2


def test_a_parent_that_lost_its_margin_when_partly_filled_leaves_them_awake() -> None:
    state, parent, stop, profit = placed(bracketed("buy", "0.1", "66500", leverage=10), an_account("700"))
    state = accepted(state, MatchOrder(parent.ref), at("66400", [], [("66400", "0.04")]), LATER).state
    state = accepted(state, MoveCash(LedgerKind.ADJUSTMENT, d("-400")), at("66400"), LATER).state
    state = accepted(state, MatchOrder(parent.ref), at("66400", [], [("66400", "1")]), LATER).state
    assert told(state, parent) == [("canceled", "margin_canceled")]
    assert is_awake(state, stop)
    assert is_awake(state, profit)
    state = accepted(state, FireTrigger(stop.ref), at("65900"), LATER).state
    assert state.orders[stop.ref].filled_size == d("0.04")
    assert told(state, profit) == [("canceled", "sibling_filled_canceled")]


def test_the_sibling_stays_while_one_is_filled_in_part() -> None:
    state, _, stop, profit = placed(bracketed())
    state = accepted(state, FireTrigger(stop.ref), at("66000", [("65990", "0.04")], []), LATER).state
    assert told(state, stop) == [("canceled", "market_canceled")]
    assert is_awake(state, profit)
    closed = accepted(state, FireTrigger(profit.ref), at("70000"), LATER).state
    assert closed.orders[profit.ref].filled_size == d("0.06")


def test_one_that_fired_and_rests_ends_when_the_other_fills() -> None:
    state, _, stop, profit = placed(bracketed(profit_price=d("71000")))
    state = accepted(state, FireTrigger(profit.ref), at("70000"), LATER).state
    assert told(state, profit) == [("open", "")]
    state = accepted(state, FireTrigger(stop.ref), at("65000"), LATER).state
    assert told(state, stop, profit) == [("filled", ""), ("canceled", "sibling_filled_canceled")]


def test_they_end_when_the_position_is_closed_otherwise() -> None:
    state, _, stop, profit = placed(bracketed())
    state = accepted(state, an_order("sell", "0.1"), a_market(a_quote())).state
    assert told(state, stop, profit) == [("canceled", "reduce_only_canceled")] * 2


def test_where_the_parent_opened_nothing_they_end_at_once() -> None:
    state = an_account("100000", positions=[a_position("-0.5")])
    later, _, stop, profit = placed(bracketed(), state)
    assert told(later, stop, profit) == [("canceled", "reduce_only_canceled")] * 2


def test_a_stop_entry_wakes_its_brackets_when_it_fires_and_fills() -> None:
    order = bracketed(order_type=OrderType.STOP_MARKET, trigger_price=d("68000"), stop="67500", profit="70000")
    state, parent, stop, profit = placed(order)
    assert told(state, parent, stop, profit) == [("pending_trigger", "")] * 3
    state = accepted(state, FireTrigger(parent.ref), at("68000"), LATER).state
    assert told(state, parent) == [("filled", "")]
    assert is_awake(state, stop)
    assert is_awake(state, profit)


def test_cancel_all_cancels_parent_and_brackets_by_request() -> None:
    state, parent, stop, profit = placed(bracketed("buy", "0.1", "66500"))
    result = accepted(state, CancelAllOrders(), a_market(a_quote()))
    assert told(result.state, parent, stop, profit) == [("canceled", "canceled")] * 3
    assert len(result.facts) == 3


def test_one_bracket_alone_can_be_canceled_or_moved() -> None:
    state, parent, stop, profit = placed(bracketed("buy", "0.1", "66500", stop="66000"))
    market = a_market(a_quote())
    state = accepted(state, CancelOrder(profit.ref), market).state
    error = refused(state, AmendOrder(stop.ref, trigger_price=d("66600")), market)
    assert error.reason == "bad_trigger_px_rejected"
    assert refused(state, AmendOrder(stop.ref, size=d("0.05")), market).reason == "lot_rejected"
    state = accepted(state, AmendOrder(stop.ref, trigger_price=d("66100")), market).state
    assert told(state, parent, stop, profit) == [("open", ""), ("pending_trigger", ""), ("canceled", "canceled")]


def test_brackets_that_sleep_take_their_parents_new_size_and_guard_its_new_price() -> None:
    state, parent, stop, profit = placed(bracketed("buy", "0.1", "66500", stop="66000"))
    market = a_market(a_quote())
    state = accepted(state, AmendOrder(parent.ref, size=d("0.2")), market).state
    assert [state.orders[child.ref].size for child in (stop, profit)] == [d("0.2")] * 2
    assert refused(state, AmendOrder(parent.ref, price=d("65500")), market).reason == "bad_trigger_px_rejected"


def test_a_retry_returns_the_parent_and_places_no_bracket_again() -> None:
    order = bracketed(client_order_id="b")
    state, parent, *_ = placed(order)
    again = accepted(state, order, a_market(a_quote("60000")))
    assert (again.duplicate, again.orders, again.facts) == (True, (parent,), ())
    other = replace(order, stop_loss=Bracket(d("66001")))
    assert refused(state, other, a_market(a_quote())).code == "duplicate_client_order_id"
