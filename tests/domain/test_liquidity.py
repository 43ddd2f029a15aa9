"""Assumed books lack what was taken; resting orders wait for their turn."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import (
    BTC,
    NOW,
    SECOND,
    a_booked_market,
    a_market,
    a_quote,
    accepted,
    after,
    an_account,
    an_order,
    d,
    fills,
)
from trading.domain.book import Level, levels_from
from trading.domain.commands import MatchOrder
from trading.domain.enums import FillQuality, Liquidity
from trading.domain.facts import OrderChanged
from trading.domain.liquidity import Eaten, depleted
from trading.domain.market import Market
from trading.domain.state import AccountState

RICH = "1000000000"
REFILL = timedelta(seconds=10)
WHOLE = BTC.depth_notional * 20
notionals = st.decimals("0", "6e6", places=6)


def test_what_was_taken_comes_back_at_a_steady_rate() -> None:
    eaten = Eaten(WHOLE, NOW)
    assert eaten.lacking(NOW, BTC, REFILL) == WHOLE
    assert eaten.lacking(NOW + 4 * SECOND, BTC, REFILL) == WHOLE * 6 / 10
    assert eaten.lacking(NOW + 10 * SECOND, BTC, REFILL) == 0
    assert Eaten(WHOLE / 10, NOW).lacking(NOW + SECOND, BTC, REFILL) == 0
    assert eaten.lacking(NOW, BTC, timedelta(0)) == 0
    assert eaten.lacking(NOW - SECOND, BTC, REFILL) == WHOLE


@given(notionals, st.integers(0, 5_000_000), st.integers(0, 5_000_000))
def test_how_often_somebody_looks_changes_nothing(notional: Decimal, first: int, second: int) -> None:
    middle, end = NOW + timedelta(microseconds=first), NOW + timedelta(microseconds=first + second)
    at_once = Eaten(notional, NOW).lacking(end, BTC, REFILL)
    in_two = Eaten(Eaten(notional, NOW).lacking(middle, BTC, REFILL), middle).lacking(end, BTC, REFILL)
    assert at_once == in_two


@pytest.mark.parametrize(
    ("lacking", "left"),
    [
        ("0", [("100", "1"), ("101", "2")]),
        ("25", [("100", "0.75"), ("101", "2")]),
        ("25.005", [("100", "0.749"), ("101", "2")]),
        ("100", [("101", "2")]),
        ("201", [("101", "1")]),
        ("302", []),
        ("999", []),
    ],
)
def test_the_best_levels_are_missing_first(lacking: str, left: list[tuple[str, str]]) -> None:
    levels = levels_from([("100", "1"), ("101", "2")])
    assert depleted(levels, d(lacking), 3) == levels_from(left)


def test_an_assumed_book_that_lacks_something_costs_the_next_taker_more() -> None:
    fresh, lacking = a_market(a_quote("60000")), a_market(a_quote("60000"))
    state = an_account(RICH)
    taken = accepted(state, an_order("buy", "10"), fresh)
    lacking.lacking = dict(fresh.taken)
    later = accepted(taken.state, an_order("buy", "10"), lacking)
    whole = accepted(state, an_order("buy", "20"), a_market(a_quote("60000")))
    difference = later.state.position("BTC", 10).entry_notional - whole.state.position("BTC", 10).entry_notional
    assert abs(difference) < 1
    assert fills(accepted(state, an_order("sell", "1"), lacking).facts) == [(d(59_997), d(1))]


# Turns


def told(price: str, *trades: tuple[str, str], bids: Any = (), asks: Any = (), seconds: int = 1) -> Market:
    quote = a_quote(price, bids=bids, asks=asks, at=NOW + seconds * SECOND, trades=levels_from(trades))
    return a_market(quote, a_quote("3000", "ETH"))


def behind(size: str = "3", side: str = "buy", price: str = "66980") -> AccountState:
    """Return an account with an order that rests behind the 2 BTC that a real book shows at its price."""
    return after(an_account(RICH), a_booked_market(bids=(("66990", "1"), ("66980", "2"))), an_order(side, size, price))


def the(state: AccountState) -> Any:
    [order] = state.orders.values()
    return order


def test_an_order_comes_to_rest_behind_what_the_book_shows_at_its_price() -> None:
    assert the(behind()).queue_ahead == 2
    assert the(behind(price="66985")).queue_ahead == 0
    assert the(behind(side="sell", price="67020")).queue_ahead == 2
    assumed = after(an_account(RICH), a_market(a_quote("67000")), an_order("buy", "1", "66990"))
    assert the(assumed).queue_ahead == 0


def test_trades_at_its_price_move_the_queue_and_then_fill_it_as_far_as_they_go() -> None:
    state = behind()
    book = {"bids": [("66980", "1")], "asks": [("66990", "5")]}
    result = accepted(state, MatchOrder(-1), told("66985", ("66980", "1.5"), ("66990", "9"), **book), NOW + SECOND)
    [fact] = result.facts
    assert isinstance(fact, OrderChanged)
    assert (fact.told, fact.order.queue_ahead, fact.order.filled_size) == (False, d("0.5"), 0)
    result = accepted(
        result.state, MatchOrder(-1), told("66985", ("66980", "1.25"), **book, seconds=2), NOW + 2 * SECOND
    )
    assert fills(result.facts) == [(d(66_980), d("0.75"))]
    assert (the(result.state).queue_ahead, the(result.state).remaining) == (0, d("2.25"))
    result = accepted(result.state, MatchOrder(-1), told("66985", ("66980", "9"), **book, seconds=3), NOW + 3 * SECOND)
    assert fills(result.facts) == [(d(66_980), d("2.25"))]


def test_trades_beyond_its_price_leave_no_queue() -> None:
    result = accepted(behind(), MatchOrder(-1), told("66970", ("66975", "0.4"), ("66980", "0.1")), NOW + SECOND)
    assert fills(result.facts) == [(d(66_980), d("0.5"))]


def test_a_book_that_stands_at_its_price_leaves_no_queue() -> None:
    result = accepted(behind(), MatchOrder(-1), told("66970", asks=[("66980", "1.5")]), NOW + SECOND)
    assert fills(result.facts) == [(d(66_980), d("1.5"))]
    assert the(result.state).queue_ahead == 0


def test_the_same_trades_count_once_for_an_order_and_fill_no_two() -> None:
    market = told("66970", ("66975", "1"))
    state = after(behind("0.4"), a_booked_market(), an_order("buy", "5", "66980"))
    first = accepted(state, MatchOrder(-1), market, NOW + SECOND)
    assert fills(first.facts) == [(d(66_980), d("0.4"))]
    second = accepted(first.state, MatchOrder(-2), market, NOW + SECOND)
    assert fills(second.facts) == [(d(66_980), d("0.6"))]
    assert accepted(second.state, MatchOrder(-2), market, NOW + SECOND).facts == ()


def test_trades_from_before_an_order_do_not_count_for_it() -> None:
    assert accepted(behind(), MatchOrder(-1), told("66970", ("66975", "1"), seconds=0), NOW + SECOND).facts == ()


def test_without_a_book_the_market_must_go_strictly_beyond() -> None:
    state = after(an_account(RICH), a_market(a_quote("67100")), an_order("buy", "1", "67004"))
    assert accepted(state, MatchOrder(-1), a_market(a_quote("67000"))).facts == ()  # the assumed ask is 67004
    result = accepted(state, MatchOrder(-1), a_market(a_quote("66999")))
    assert fills(result.facts) == [(d(67_004), d(1))]
    [trade] = [fact for fact in result.facts if hasattr(fact, "fill_quality")]
    assert (trade.fill_quality, trade.liquidity) == (FillQuality.SYNTHETIC, Liquidity.MAKER)


def test_a_resting_order_takes_from_what_is_assumed_too() -> None:
    state = after(an_account(RICH), a_market(a_quote("67100")), an_order("buy", "1", "67050"))
    market = a_market(a_quote("67000"))
    before = market.book(market.quotes["BTC"]).asks[0]
    state = after(state, market, MatchOrder(-1))
    assert market.book(market.quotes["BTC"]).asks[0] == Level(before.price, before.size - 1)


@given(
    st.lists(st.tuples(st.integers(66_970, 66_990), st.decimals("0.001", "2", places=3)), max_size=6),
    st.decimals("0.01", "3", places=2),
)
def test_orders_together_never_fill_more_than_was_traded(trades: list[tuple[int, Decimal]], size: Decimal) -> None:
    market = told("66985", *((str(price), str(traded)) for price, traded in trades), asks=[("66999", "1")])
    state = after(an_account(RICH), a_booked_market(), *(an_order("buy", str(size), "66980") for _ in range(3)))
    filled = d(0)
    for ref in (-1, -2, -3):
        result = accepted(state, MatchOrder(ref), market, NOW + SECOND)
        state, filled = result.state, filled + sum((traded for _, traded in fills(result.facts)), d(0))
    assert filled <= sum((traded for price, traded in trades if price <= 66_980), d(0))
    assert all(order.queue_ahead >= 0 for order in replace(state).orders.values())
