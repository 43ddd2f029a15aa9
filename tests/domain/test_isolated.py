"""Isolated margin: what a position has to itself, what it returns, and when mode and leverage may change."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import (
    a_booked_market,
    a_market,
    a_position,
    a_quote,
    accepted,
    after,
    an_account,
    an_order,
    d,
    refused,
)
from trading.domain.commands import ClosePosition, MoveCash, PlaceOrder
from trading.domain.enums import LedgerKind, MarginMode, Side
from trading.domain.errors import InsufficientMargin
from trading.domain.isolated import book_fill, releveraged
from trading.domain.market import Market
from trading.domain.money import ZERO
from trading.domain.positions import Position
from trading.domain.risk import pool_of, pool_with, pools, withdrawable
from trading.domain.state import AccountState

ISOLATED, CROSS = MarginMode.ISOLATED, MarginMode.CROSS
FLAT = Position("ETH", 10, margin_mode=ISOLATED)


def eth(mark: str = "3000") -> Market:
    """A market that takes any size of ETH at its mark."""
    levels = [(mark, "10000")]
    return a_market(a_quote(mark, "ETH", bids=levels, asks=levels), a_quote("67000"))


def an_isolated_order(side: str = "buy", size: str = "1", leverage: int | None = 10) -> PlaceOrder:
    return an_order(side, size, symbol="ETH", leverage=leverage, margin_mode=ISOLATED)


def held(state: AccountState, symbol: str = "ETH") -> Position:
    return state.positions[symbol]


def test_opening_moves_the_initial_margin_out_of_cross_and_the_fee_comes_out_of_it() -> None:
    state = after(an_account("5000"), eth(), an_isolated_order())
    assert held(state).margin_mode is ISOLATED
    assert held(state).isolated_margin == d("300") - d("1.35")
    assert state.cash == d("5000") - d("1.35")
    assert pool_of(state, None, eth()).value == withdrawable(state, eth()) == 4700


def test_reducing_returns_the_equity_of_what_is_closed_at_the_fills_price() -> None:
    state = after(an_account("5000"), eth(), an_isolated_order())
    state = after(state, eth("3100"), an_isolated_order("sell", "0.25"))
    assert pool_of(state, None, eth("3100")).value == 4700 + d("398.65") / 4
    assert held(state).isolated_margin + held(state).unrealized_pnl(d("3100")) == d("398.65") * 3 / 4 - d("0.34875")


def test_closing_returns_everything_and_the_mode_may_change_then() -> None:
    state = after(an_account("5000"), eth(), an_isolated_order())
    state = after(state, eth("3100"), ClosePosition("ETH"))
    assert held(state).isolated_margin == 0
    assert state.equity(eth()) == pool_of(state, None, eth()).value == state.cash
    state = after(state, eth(), an_order("buy", "1", symbol="ETH"))
    assert held(state).margin_mode is ISOLATED, "an order that names none keeps it"
    state = after(state, eth(), ClosePosition("ETH"), an_order("buy", "1", symbol="ETH", margin_mode=CROSS))
    assert (held(state).margin_mode, held(state).isolated_margin) == (CROSS, 0)


@pytest.mark.parametrize(("first", "then"), [(ISOLATED, CROSS), (CROSS, ISOLATED)])
def test_the_margin_mode_of_an_open_position_stays(first: MarginMode, then: MarginMode) -> None:
    state = after(an_account("5000"), eth(), an_order("buy", "1", symbol="ETH", margin_mode=first))
    error = refused(state, an_order("sell", "0.5", symbol="ETH", margin_mode=then), eth())
    assert error.reason == "margin_mode_rejected"
    assert [problem.path for problem in error.fields] == ["margin_mode"]


def test_a_resting_order_sets_the_mode_in_which_it_will_open() -> None:
    state = after(an_account(), eth(), an_order("buy", "1", "2900", symbol="ETH", margin_mode=ISOLATED, leverage=5))
    assert (held(state).size, held(state).margin_mode, held(state).leverage) == (0, ISOLATED, 5)


def test_an_isolated_position_takes_no_more_than_the_account_has_free() -> None:
    assert isinstance(refused(an_account("299.99"), an_isolated_order(), eth()), InsufficientMargin)
    state = after(an_account("300"), eth(), an_isolated_order())
    its_profit_is_its_own = refused(state, an_isolated_order(size="0.01"), eth("3200"))
    assert isinstance(its_profit_is_its_own, InsufficientMargin)
    assert isinstance(refused(state, MoveCash(LedgerKind.WITHDRAWAL, d(-1)), eth("3200")), InsufficientMargin)


def test_losses_of_an_isolated_position_leave_the_cross_account_alone() -> None:
    state = after(an_account("5000"), eth(), an_isolated_order())
    before = withdrawable(state, eth())
    assert withdrawable(state, eth("2800")) == withdrawable(state, eth("3300")) == before


# Leverage


RESTS: dict[str, Any] = {"side": "buy", "size": "0.1", "price": "2000", "symbol": "ETH"}


def test_raising_the_leverage_returns_margin_down_to_the_initial_margin() -> None:
    state = after(an_account("5000"), eth(), an_isolated_order(), an_order(**RESTS, leverage=20))
    assert (held(state).leverage, held(state).isolated_margin) == (20, 150)
    assert state.equity(eth()) == d("5000") - d("1.35")


def test_a_position_that_lost_returns_less_or_nothing() -> None:
    state = after(an_account("5000"), eth(), an_isolated_order())
    assert held(after(state, eth("2900"), an_order(**RESTS, leverage=20))).isolated_margin == d("145") + 100
    assert held(after(state, eth("2800"), an_order(**RESTS, leverage=20))).isolated_margin == d("298.65")


def test_lowering_the_leverage_takes_margin_that_must_be_there() -> None:
    state = after(an_account("700"), eth(), an_isolated_order())
    lowered = after(state, eth(), an_order(**RESTS, leverage=5))
    assert held(lowered).isolated_margin == d("598.65")
    assert withdrawable(lowered, eth()) == 100 - 40
    error = refused(state, an_order(**RESTS, leverage=4), eth())
    assert isinstance(error, InsufficientMargin)
    assert error.reason == "perp_margin_rejected"
    assert "needs 100.000000 USDC of margin and 0.000000 are available" in error.message


def test_leverage_is_raised_no_higher_than_the_tier_of_the_position_allows() -> None:
    deep = a_market(a_quote("67000", bids=[("67000", "9999")], asks=[("67000", "9999")]))
    half = an_order("buy", "1250", "67000", leverage=20)
    state = after(an_account("100000000"), deep, half, half)
    assert refused(state, an_order("buy", "0.001", "60000", leverage=21), deep).reason == "leverage_rejected"
    small = after(an_account("100000000"), deep, an_order("buy", "10", leverage=20))
    assert held(after(small, deep, an_order("buy", "0.001", "60000", leverage=40)), "BTC").leverage == 40


# Whatever happens


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Side),
            st.decimals("0.01", "3", places=2),
            st.decimals("2500", "3500", places=1),
            st.sampled_from([1, 5, 20]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_fills_and_leverages_move_margin_but_make_none(moves: list[tuple[Side, Decimal, Decimal, int]]) -> None:
    """Cash is what it is without isolation, and what is set aside is all of the margin where nothing is held: none."""
    position, plain = FLAT, Position("ETH", 10)
    for side, size, price, leverage in moves:
        before = position
        position = releveraged(position, leverage, price)
        if leverage > before.leverage:
            assert position.isolated_margin <= before.isolated_margin
        result = book_fill(position, side, size, price, d("0.5"))
        same = book_fill(plain, side, size, price, d("0.5"))
        assert result.closed_pnl == same.closed_pnl
        position, plain = result.position, same.position
        assert position.isolated_margin == position.isolated_margin.quantize(d("0.000001"))
        assert plain.isolated_margin == 0
        if not position.is_open:
            assert position.isolated_margin == 0


def test_a_liquidations_reduction_leaves_the_margin_with_the_position() -> None:
    position = Position("ETH", 10, size=d(1), entry_notional=d(3000), margin_mode=ISOLATED, isolated_margin=d(300))
    reduced = book_fill(position, Side.SELL, d("0.2"), d(2800), d("0.25"), keep_margin=True).position
    assert reduced.isolated_margin + reduced.unrealized_pnl(d(2800)) == 300 - 200 - d("0.25")


def test_a_worthless_position_that_is_reduced_returns_nothing() -> None:
    position = Position("ETH", 10, size=d(1), entry_notional=d(3000), margin_mode=ISOLATED, isolated_margin=d(100))
    reduced = book_fill(position, Side.SELL, d("0.2"), d(2800), ZERO).position
    assert reduced.isolated_margin == 100 - 40


def test_pools_are_each_isolated_position_and_then_all_cross_ones() -> None:
    state = after(an_account("50000"), a_booked_market(), an_isolated_order(), an_order("buy", "0.1", leverage=10))
    found = pools(state, a_booked_market())
    assert [(pool.symbol, [p.symbol for p in pool.positions]) for pool in found] == [("ETH", ["ETH"]), (None, ["BTC"])]
    assert pool_with(state, "BTC", a_booked_market()) == found[1]
    assert sum(pool.value for pool in found) == state.equity(a_booked_market())
    assert pools(an_account("10"), eth())[0].value == 10


def test_a_symbol_that_nobody_lists_any_more_needs_no_maintenance() -> None:
    state = an_account("100", positions=[a_position("1", "100", "GONE")])
    assert pool_of(state, None, eth()).maintenance == 0
    assert accepted(state, an_order("buy", "0.1", symbol="ETH"), eth()).orders
