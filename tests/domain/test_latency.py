"""Orders on their way to the exchange."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import (
    NOW,
    SECOND,
    a_booked_market,
    a_position,
    accepted,
    an_account,
    an_order,
    d,
    fills,
)
from trading.domain.commands import AmendOrder, CancelOrder, MatchOrder
from trading.domain.enums import Liquidity, TimeInForce
from trading.domain.facts import TradeExecuted
from trading.domain.latency import NONE, Latency
from trading.domain.policies import Policies

RICH = "1000000"
IOC, ALO = TimeInForce.IOC, TimeInForce.ALO
SLOW = Policies(latency=Latency(200, 500, seed=7))


def sent(order: Any, **values: Any) -> Any:
    """Send an order at NOW; return what came of it."""
    return accepted(an_account(RICH, **values), order, a_booked_market(), NOW, SLOW)


def test_the_delay_is_drawn_within_its_bounds_and_always_the_same() -> None:
    latency = Latency(200, 500, seed=7)
    delays = [latency.delay(1, str(number)) for number in range(1_000)]
    assert min(delays) >= timedelta(milliseconds=200)
    assert max(delays) <= timedelta(milliseconds=500)
    assert len(set(delays)) > 990
    assert timedelta(milliseconds=330) < sum(delays, timedelta()) / 1_000 < timedelta(milliseconds=370)
    assert delays[3] == Latency(200, 500, seed=7).delay(1, "3")
    assert delays[3] != Latency(200, 500, seed=8).delay(1, "3")
    assert delays[3] != latency.delay(2, "3")
    assert Latency(40, 40).delay(1, "x") == timedelta(milliseconds=40)
    assert NONE.delay(1, "x") == timedelta(0)


@pytest.mark.parametrize("price", [None, "67010"])
def test_an_order_neither_fills_nor_rests_before_it_arrives(price: str | None) -> None:
    result = sent(an_order("buy", "0.4", price))
    [order] = result.orders
    assert (order.is_open, order.filled_size, fills(result.facts)) == (True, 0, [])
    assert NOW + 0.2 * SECOND <= order.active_at <= NOW + 0.5 * SECOND
    early = accepted(
        result.state, MatchOrder(order.ref), a_booked_market(), order.active_at - timedelta(microseconds=1)
    )
    assert early.facts == ()
    there = accepted(result.state, MatchOrder(order.ref), a_booked_market(), order.active_at)
    assert fills(there.facts) == [(d(67_010), d("0.4"))]
    [trade] = [fact for fact in there.facts if isinstance(fact, TradeExecuted)]
    assert trade.liquidity is Liquidity.TAKER
    assert there.state.orders[order.ref].active_at is None


@pytest.mark.parametrize(
    ("order", "asks", "status", "reason", "filled"),
    [
        (an_order("buy", "0.4"), (), "canceled", "market_canceled", "0"),
        (an_order("buy", "0.4"), (("80000", "1"),), "canceled", "market_canceled", "0"),
        (an_order("buy", "0.4", "67010", time_in_force=IOC), (("67011", "1"),), "canceled", "ioc_canceled", "0"),
        (an_order("buy", "1", "67000", time_in_force=ALO), (("66999", "1"),), "canceled", "bad_alo_px_canceled", "0"),
        (an_order("buy", "0.4", "67010"), (("67010", "0.1"), ("67020", "1")), "open", "", "0.1"),
        (an_order("buy", "0.4", "66990"), (("67010", "1"),), "open", "", "0"),
    ],
)  # fmt: skip
def test_what_an_order_finds_is_the_market_of_its_arrival(
    order: Any, asks: Any, status: str, reason: str, filled: str
) -> None:
    state = sent(order).state
    result = accepted(state, MatchOrder(-1), a_booked_market(asks=asks), NOW + SECOND)
    arrived = result.state.orders[-1]
    assert (arrived.status, arrived.reason, arrived.filled_size) == (status, reason, d(filled))
    if not d(filled) and status == "open":
        assert arrived.queue_ahead == 1


def test_an_order_on_its_way_holds_its_margin_and_is_checked_again_where_it_arrives() -> None:
    result = sent(an_order("buy", "1", leverage=10))
    assert result.state.order_margin() == d(70_350) / 10
    poor = replace(result.state, cash=d("6000"))
    arrived = accepted(poor, MatchOrder(-1), a_booked_market(), NOW + SECOND).state.orders[-1]
    assert (arrived.status, arrived.reason) == ("canceled", "margin_canceled")


def test_what_only_reduces_is_cut_to_what_is_left_where_it_arrives() -> None:
    state = sent(an_order("sell", "0.5", reduce_only=True), positions=[a_position("0.5")]).state
    smaller = replace(state, positions={"BTC": a_position("0.2")})
    result = accepted(smaller, MatchOrder(-1), a_booked_market(), NOW + SECOND)
    assert fills(result.facts) == [(d(66_990), d("0.2"))]
    gone = accepted(replace(state, positions={}), MatchOrder(-1), a_booked_market(), NOW + SECOND)
    assert gone.state.orders[-1].reason == "reduce_only_canceled"


def test_an_order_on_its_way_can_be_canceled_and_amended() -> None:
    state = sent(an_order("buy", "0.4", "67000")).state
    assert accepted(state, CancelOrder(-1), a_booked_market(), NOW, SLOW).state.orders[-1].reason == "canceled"
    amended = accepted(state, AmendOrder(-1, price=d(67_010)), a_booked_market(), NOW, SLOW)
    assert fills(amended.facts) == []
    there = accepted(amended.state, MatchOrder(-1), a_booked_market(), NOW + SECOND, SLOW)
    assert fills(there.facts) == [(Decimal(67_010), d("0.4"))]


def test_the_same_order_takes_the_same_time_whatever_else_is_sent() -> None:
    one = sent(an_order("buy", "0.1", client_order_id="a"))
    first = accepted(an_account(RICH), an_order("sell", "0.1"), a_booked_market(), NOW, SLOW)
    two = accepted(first.state, an_order("buy", "0.1", client_order_id="a"), a_booked_market(), NOW, SLOW)
    assert one.orders[0].active_at == two.orders[0].active_at
