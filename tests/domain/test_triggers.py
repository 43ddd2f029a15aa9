"""Stops and take profits: where they may be placed, when they fire, and what they do then."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import (
    NOW,
    SECOND,
    a_market,
    a_position,
    a_quote,
    accepted,
    an_account,
    an_order,
    d,
    fills,
    refused,
)
from trading.domain.commands import CancelOrder, FireTrigger, MatchOrder, PlaceOrder
from trading.domain.decider import Accepted
from trading.domain.enums import AccountStatus, OrderStatus, OrderType, TimeInForce
from trading.domain.market import Market
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.state import AccountState

PENDING, OPEN, FILLED, CANCELED = (
    OrderStatus.PENDING_TRIGGER, OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
)  # fmt: skip
LATER = NOW + SECOND


def a_trigger(side: str, kind: str, trigger: str, size: str | None = "0.1", **values: Any) -> PlaceOrder:
    price = values.pop("price", "66000" if kind.endswith("limit") else None)
    order = an_order(side, size or "1", price, order_type=OrderType(kind), trigger_price=d(trigger), **values)
    return order if size else replace(order, size=None)


def at(mark: str, bids: Any = None, asks: Any = None) -> Market:
    return a_market(a_quote(mark, bids=bids, asks=asks, at=LATER))


def waiting(state: AccountState, order: PlaceOrder, mark: str = "67000") -> tuple[AccountState, Order]:
    """Place a trigger order that must wait; return the account and the order."""
    result = accepted(state, order, a_market(a_quote(mark)))
    [placed] = result.orders
    assert placed.status is PENDING
    return result.state, placed


def fired(state: AccountState, order: Order, market: Market) -> tuple[Accepted, Order]:
    result = accepted(state, FireTrigger(order.ref), market, LATER)
    return result, result.state.orders[order.ref]


def long() -> AccountState:
    return an_account("100000", positions=[a_position("0.5")])


# Placement


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "waits"),
    [
        ("sell", "stop_market", "66999", True),
        ("sell", "stop_market", "67000", False),
        ("sell", "stop_market", "67001", False),
        ("sell", "take_profit_market", "67001", True),
        ("sell", "take_profit_market", "67000", False),
        ("buy", "stop_limit", "67001", True),
        ("buy", "stop_limit", "67000", False),
        ("buy", "take_profit_limit", "66999", True),
        ("buy", "take_profit_limit", "67000", False),
    ],
)
def test_a_trigger_that_the_mark_has_reached_already_is_refused(
    side: str, kind: str, trigger: str, waits: bool
) -> None:
    state, market = an_account(), a_market(a_quote("67000"))
    if waits:
        [order] = accepted(state, a_trigger(side, kind, trigger), market).orders
        assert (order.status, order.trigger_price) == (PENDING, d(trigger))
        return
    error = refused(state, a_trigger(side, kind, trigger), market)
    assert error.reason == "bad_trigger_px_rejected"
    assert [problem.path for problem in error.fields] == ["trigger_price"]


@pytest.mark.parametrize(
    ("order", "paths"),
    [
        (an_order("buy", "1", trigger_price=d("66000")), ["trigger_price"]),
        (an_order("sell", "1", order_type=OrderType.STOP_MARKET), ["trigger_price"]),
        (a_trigger("sell", "stop_market", "66000.5"), ["trigger_price"]),
        (a_trigger("sell", "stop_market", "-1"), ["trigger_price"]),
        (a_trigger("sell", "stop_market", "66000", price="65000"), ["price"]),
        (a_trigger("sell", "stop_limit", "66000", price=None), ["price"]),
        (a_trigger("sell", "stop_market", "66000", time_in_force=TimeInForce.GTC), ["time_in_force"]),
        (a_trigger("sell", "stop_market", "66000", size=None), ["size"]),
        (PlaceOrder("BTC", an_order("sell").side, None, reduce_only=True), ["size"]),
    ],
)
def test_fields_that_do_not_go_with_the_type_are_refused(order: PlaceOrder, paths: list[str]) -> None:
    error = refused(an_account(), order, a_market(a_quote()))
    assert error.reason in ("tick_rejected", "lot_rejected")
    assert [problem.path for problem in error.fields] == paths


def test_while_it_waits_it_holds_no_margin_and_needs_none() -> None:
    state, _ = waiting(an_account("100"), a_trigger("buy", "stop_market", "68000", "1"))
    assert state.order_margin() == 0


def test_triggers_that_wait_count_as_open_orders() -> None:
    market, policies = a_market(a_quote()), Policies(max_open_orders=1)
    state = accepted(an_account(), a_trigger("sell", "stop_market", "66000"), market, policies=policies).state
    error = refused(state, a_trigger("sell", "stop_market", "66000"), market, policies=policies)
    assert error.reason == "too_many_open_orders_rejected"


def test_a_reduce_only_trigger_needs_a_position_and_is_cut_to_it() -> None:
    stop = a_trigger("sell", "stop_market", "66000", "2", reduce_only=True)
    assert refused(an_account(), stop, a_market(a_quote())).reason == "reduce_only_rejected"
    _, order = waiting(long(), stop)
    assert (order.size, order.whole_position) == (d("0.5"), False)


def test_a_retry_under_the_same_client_id_places_nothing_new() -> None:
    stop = a_trigger("sell", "stop_market", "66000", client_order_id="s")
    state, order = waiting(an_account(), stop)
    again = accepted(state, stop, a_market(a_quote("60000")))
    assert (again.duplicate, again.orders, again.facts) == (True, (order,), ())
    other = a_trigger("sell", "stop_market", "66001", client_order_id="s")
    assert refused(state, other, a_market(a_quote())).code == "duplicate_client_order_id"


# Firing


def test_it_waits_until_the_mark_is_there() -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000"))
    result, same = fired(state, order, at("66000.5"))
    assert (same, result.facts) == (order, ())


def test_a_market_stop_takes_the_book_within_ten_percent_of_its_trigger() -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000", "0.5"))
    assert order.price == d("59400")
    bids = [("65000", "0.2"), ("59400", "0.1"), ("59399", "5")]
    result, stop = fired(state, order, at("66000", bids, []))
    assert fills(result.facts) == [(d("65000"), d("0.2")), (d("59400"), d("0.1"))]
    assert (stop.status, stop.reason, stop.triggered_at) == (CANCELED, "market_canceled", LATER)
    assert result.state.positions["BTC"].size == d("0.2")


def test_the_cap_is_a_policy() -> None:
    stop, market = a_trigger("sell", "stop_market", "66000"), a_market(a_quote())
    [order] = accepted(long(), stop, market, policies=Policies(trigger_slippage=d("0.08"))).orders
    assert order.price == d("60720")


@pytest.mark.parametrize(
    ("price", "in_force", "bids", "status", "reason", "filled"),
    [
        ("65900", None, [("65950", "1")], FILLED, "", "0.1"),
        ("65900", None, [("65950", "0.04")], OPEN, "", "0.04"),
        ("66100", None, [("65950", "1")], OPEN, "", "0"),
        ("65900", TimeInForce.IOC, [("65950", "0.04")], CANCELED, "ioc_canceled", "0.04"),
        ("65900", TimeInForce.IOC, [("65000", "1")], CANCELED, "ioc_canceled", "0"),
        ("65900", TimeInForce.ALO, [("65950", "1")], CANCELED, "bad_alo_px_canceled", "0"),
        ("66100", TimeInForce.ALO, [("65950", "1")], OPEN, "", "0"),
    ],
)
def test_a_limit_one_becomes_what_a_limit_order_would(
    price: str, in_force: TimeInForce | None, bids: Any, status: OrderStatus, reason: str, filled: str
) -> None:
    asked = a_trigger("sell", "stop_limit", "66000", price=price, time_in_force=in_force)
    state, order = waiting(long(), asked)
    _, fired_order = fired(state, order, at("66000", bids, []))
    assert (fired_order.status, fired_order.reason) == (status, reason)
    assert (fired_order.filled_size, fired_order.triggered_at) == (d(filled), LATER)


def test_what_rests_after_it_fired_is_matched_like_any_other() -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_limit", "66000", price="66100"))
    state = fired(state, order, at("66000", [("65950", "1")], []))[0].state
    result = accepted(state, MatchOrder(order.ref), at("66200", [("66150", "1")], []), LATER)
    assert fills(result.facts) == [(d("66100"), d("0.1"))]
    assert result.state.orders[order.ref].status is FILLED


def test_margin_is_checked_when_it_fires() -> None:
    state, order = waiting(an_account("100"), a_trigger("buy", "stop_market", "68000", "1"))
    result, stop = fired(state, order, at("68000"))
    assert (stop.status, stop.reason, stop.filled_size) == (CANCELED, "margin_canceled", d(0))
    assert not result.state.positions
    assert result.state.cash == 100


@pytest.mark.parametrize(("size", "sold"), [("0.5", "0.3"), ("0.2", "0.2"), (None, "0.3")])
def test_a_reduce_only_one_sells_no_more_than_there_is_by_then(size: str | None, sold: str) -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000", size, reduce_only=True))
    state = accepted(state, an_order("sell", "0.2"), a_market(a_quote())).state
    _, stop = fired(state, order, at("65000"))
    assert (stop.status, stop.filled_size) == (FILLED, d(sold))


def test_one_that_follows_the_position_has_its_size_at_any_time() -> None:
    market = a_market(a_quote())
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000", None, reduce_only=True))
    assert (order.size, order.whole_position) == (d("0.5"), True)
    grown = accepted(state, an_order("buy", "0.2"), market).state
    assert grown.orders[order.ref].size == d("0.7")
    _, stop = fired(grown, order, at("65000"))
    assert stop.filled_size == d("0.7")


@pytest.mark.parametrize("more", ["0.5", "0.8"], ids=["closed", "turned"])
@pytest.mark.parametrize("size", ["0.5", None])
def test_it_ends_with_the_position_that_it_was_to_reduce(size: str | None, more: str) -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000", size, reduce_only=True))
    state = accepted(state, an_order("sell", more), a_market(a_quote())).state
    assert (state.orders[order.ref].status, state.orders[order.ref].reason) == (CANCELED, "reduce_only_canceled")


def test_those_that_may_open_stay_when_the_position_is_closed() -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000"))
    state = accepted(state, an_order("sell", "0.5"), a_market(a_quote())).state
    assert state.orders[order.ref] == order


def test_nothing_fires_twice_or_after_it_was_canceled() -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000"))
    once, _ = fired(state, order, at("65000"))
    assert fired(once.state, order, at("65000"))[0].facts == ()
    canceled = accepted(state, CancelOrder(order.ref), a_market(a_quote())).state
    assert canceled.orders[order.ref].reason == "canceled"
    assert fired(canceled, order, at("65000"))[0].facts == ()
    assert accepted(state, FireTrigger(99), at("65000")).facts == ()


def test_a_frozen_accounts_triggers_wait_on() -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000"))
    frozen = replace(state, status=AccountStatus.FROZEN)
    assert fired(frozen, order, at("65000"))[1].status is PENDING
    assert fired(replace(frozen, status=AccountStatus.ACTIVE), order, at("65000"))[1].status is FILLED


def test_nothing_fires_on_a_stale_mark() -> None:
    state, order = waiting(long(), a_trigger("sell", "stop_market", "66000"))
    stale = a_market(a_quote("65000", at=NOW - 60 * SECOND))
    assert refused(state, FireTrigger(order.ref), stale).code == "market_unavailable"


def test_the_fills_of_a_fired_order_are_its_own() -> None:
    state, order = waiting(an_account("100000"), a_trigger("buy", "stop_market", "68000", leverage=5))
    result, stop = fired(state, order, at("68000", [], [("68010", "1")]))
    assert stop.filled_notional == d("0.1") * 68010
    assert result.state.positions["BTC"].leverage == 5
    assert result.state.cash == 100000 - (d("6801") * d("0.00045")).quantize(Decimal("0.000001"))
