"""Amending where orders take time to the exchange: nobody trades faster, or on less margin, by amending."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.domain.given import (
    NOW,
    SECOND,
    Levels,
    a_booked_market,
    a_position,
    accepted,
    an_account,
    an_order,
    d,
    fills,
    refused,
)
from trading.domain.commands import AmendOrder, Bracket, MatchOrder, PlaceOrder
from trading.domain.enums import OrderStatus, TimeInForce
from trading.domain.latency import Latency
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.state import AccountState

SLOW = Policies(latency=Latency(200, 500, seed=7))
LATER = NOW + 2 * SECOND
ALONE: Levels = (("67010", "0.1"),)


def on_its_way(order: PlaceOrder, cash: str = "1000000", positions: object = ()) -> AccountState:
    return accepted(an_account(cash, positions=positions), order, a_booked_market(), NOW, SLOW).state


def arrived(state: AccountState, asks: Levels | None = None, at: datetime = NOW + SECOND) -> AccountState:
    market = a_booked_market() if asks is None else a_booked_market(asks=asks)
    return accepted(state, MatchOrder(-1), market, at, SLOW).state


def the_amended(state: AccountState, now: datetime = LATER, **figures: str) -> Order:
    command = AmendOrder(-1, **{name: d(text) for name, text in figures.items()})
    result = accepted(state, command, a_booked_market(), now, SLOW)
    assert fills(result.facts) == []
    return result.orders[0]


def test_a_resting_order_that_moves_leaves_the_book_and_is_on_its_way_again() -> None:
    state = arrived(on_its_way(an_order("buy", "0.4", "66990")))
    assert (state.orders[-1].active_at, state.orders[-1].queue_ahead) == (None, 1)
    moved = the_amended(state, price="67010")
    assert moved.active_at is not None
    assert LATER + 0.2 * SECOND <= moved.active_at <= LATER + 0.5 * SECOND
    assert (moved.status, moved.queue_ahead) == (OrderStatus.OPEN, 0)
    there = accepted(state.with_order(moved), MatchOrder(-1), a_booked_market(), moved.active_at, SLOW)
    assert fills(there.facts) == [(d(67_010), d("0.4"))]
    assert there.state.orders[-1].requeued_at == moved.active_at


def test_one_that_only_shrinks_stays_where_it_is() -> None:
    state = arrived(on_its_way(an_order("buy", "0.4", "66990")))
    shrunk = the_amended(state, size="0.3")
    assert (shrunk.active_at, shrunk.queued_at, shrunk.queue_ahead) == (None, NOW + SECOND, 1)
    state = on_its_way(an_order("buy", "0.4"))
    assert the_amended(state, NOW + 0.1 * SECOND, size="0.3").active_at == state.orders[-1].active_at


@pytest.mark.parametrize("order", [an_order("buy", "0.4", "67000"), an_order("buy", "0.4", client_order_id="mine")])
def test_one_on_its_way_takes_its_time_anew_and_never_less(order: PlaceOrder) -> None:
    state = on_its_way(order)
    first = state.orders[-1].active_at
    assert first is not None
    amended = [the_amended(state, NOW + timedelta(milliseconds=ms), size="0.5").active_at for ms in range(0, 200, 5)]
    assert all(at is not None and at >= first for at in amended)
    assert len(set(amended)) > 20
    late = the_amended(state, first - timedelta(microseconds=1), size="0.5").active_at
    assert late is not None
    assert late >= first + 0.19 * SECOND


def test_what_was_filled_stays_and_the_rest_goes() -> None:
    state = arrived(on_its_way(an_order("buy", "0.4", "67010", client_order_id="mine")), ALONE)
    assert state.orders[-1].filled_size == d("0.1")
    command = AmendOrder(client_order_id="mine", price=d(67_020), size=d("0.5"))
    moved = accepted(state, command, a_booked_market(), LATER, SLOW)
    assert (moved.orders[0].remaining, moved.orders[0].filled_size) == (d("0.4"), d("0.1"))
    there = accepted(moved.state, MatchOrder(-1), a_booked_market(), LATER + SECOND, SLOW)
    assert fills(there.facts) == [(d(67_010), d("0.4"))]
    assert there.state.orders[-1].status is OrderStatus.FILLED


def test_it_holds_margin_for_what_it_asks_at_once() -> None:
    state = on_its_way(an_order("buy", "0.1", "66000", leverage=10), cash="1000")
    for figures in ({"size": "0.2"}, {"price": "201000"}):
        command = AmendOrder(-1, **{name: d(text) for name, text in figures.items()})
        assert refused(state, command, a_booked_market(), NOW, SLOW).code == "insufficient_margin"
    assert the_amended(state, NOW, size="0.15").size == d("0.15")


@pytest.mark.parametrize(("size", "reason"), [("0.00001", "min_trade_ntl_rejected"), ("9000", "max_notional_rejected")])
def test_a_market_order_on_its_way_is_held_to_the_notionals_too(size: str, reason: str) -> None:
    state = on_its_way(an_order("buy", "0.1"))
    assert refused(state, AmendOrder(-1, size=d(size)), a_booked_market(), NOW, SLOW).reason == reason


def test_a_post_only_order_that_would_trade_ends_where_it_arrives() -> None:
    state = arrived(on_its_way(an_order("buy", "0.4", "66990", time_in_force=TimeInForce.ALO)))
    moved = state.with_order(the_amended(state, price="67010"))
    ended = accepted(moved, MatchOrder(-1), a_booked_market(), LATER + SECOND, SLOW).state.orders[-1]
    assert (ended.status, ended.reason) == (OrderStatus.CANCELED, "bad_alo_px_canceled")


def test_one_that_only_reduces_keeps_its_fills_and_is_cut_to_what_is_left() -> None:
    order = an_order("sell", "0.5", "67000", reduce_only=True)
    state = on_its_way(order, positions=[a_position("0.5")])
    taken = a_booked_market(bids=(("67000", "0.2"),))
    state = accepted(state, MatchOrder(-1), taken, NOW + SECOND, SLOW).state
    assert state.positions["BTC"].size == d("0.3")
    moved = state.with_order(the_amended(state, price="66990"))
    smaller = replace(moved, positions={"BTC": a_position("0.1")})
    there = accepted(smaller, MatchOrder(-1), a_booked_market(), LATER + SECOND, SLOW)
    assert fills(there.facts) == [(d(66_990), d("0.1"))]
    assert not there.state.positions["BTC"].is_open
    assert (there.state.orders[-1].size, there.state.orders[-1].status) == (d("0.3"), OrderStatus.FILLED)


def test_a_trigger_that_waits_is_moved_at_once() -> None:
    command = replace(an_order("buy", "0.1", "69000"), stop_loss=Bracket(d(60_000)))
    state = on_its_way(command)
    moved = accepted(state, AmendOrder(-2, trigger_price=d(61_000)), a_booked_market(), LATER, SLOW).orders[0]
    assert (moved.trigger_price, moved.active_at) == (d(61_000), None)


def test_brackets_of_one_on_its_way_take_its_new_size() -> None:
    state = on_its_way(replace(an_order("buy", "0.1", "66000"), stop_loss=Bracket(d(60_000))))
    moved = accepted(state, AmendOrder(-1, size=d("0.2")), a_booked_market(), LATER, SLOW).state
    assert [moved.orders[ref].size for ref in (-1, -2)] == [d("0.2"), d("0.2")]


def test_without_latency_any_more_it_arrives_with_the_next_look() -> None:
    state = on_its_way(an_order("buy", "0.4", "67000"))
    order = accepted(state, AmendOrder(-1, price=d(67_010)), a_booked_market(), LATER).orders[0]
    assert order.active_at == LATER
