"""What an order opens must be above its maintenance margin when it has filled, wherever it filled."""

from typing import Any

import pytest

from tests.domain.given import (
    NOW,
    SECOND,
    a_booked_market,
    a_position,
    accepted,
    after,
    an_account,
    an_order,
    d,
    fills,
    refused,
)
from tests.domain.test_latency import SLOW
from trading.domain.commands import AmendOrder, FireTrigger, Liquidate, MatchOrder
from trading.domain.enums import MarginMode, OrderType
from trading.domain.market import Market
from trading.domain.risk import pool_with

NEAR = (("66999", "10"),)


def far(ask: str = "69600") -> Market:
    """A market whose asks stand far above its mark of 67,000."""
    return a_booked_market(bids=NEAR, asks=((ask, "10"),))


@pytest.mark.parametrize("mode", MarginMode)
def test_a_taker_that_would_be_liquidated_at_once_is_refused(mode: MarginMode) -> None:
    order = an_order("buy", "1", leverage=40, margin_mode=mode)
    error = refused(an_account("2000"), order, far())
    assert (error.code, error.reason) == ("insufficient_margin", "perp_margin_rejected")
    rich = accepted(an_account("200000"), order, far()) if mode is MarginMode.CROSS else None
    assert rich is None or fills(rich.facts) == [(d(69_600), d(1))]


@pytest.mark.parametrize(("cash", "is_refused"), [("3437.499999", True), ("3437.5", False)])
def test_exactly_the_maintenance_margin_is_enough(cash: str, is_refused: bool) -> None:
    # It loses 1 x (69,600 - 67,000) at once; maintenance is 67,000 / 80 = 837.50, and the fee is no part of it.
    order = an_order("buy", "1", leverage=40)
    if is_refused:
        assert refused(an_account(cash), order, far()).code == "insufficient_margin"
        return
    result = accepted(an_account(cash), order, far())
    pool = pool_with(result.state, "BTC", far())
    assert pool.value == pool.maintenance - d("31.32")


def test_what_only_closes_is_never_refused() -> None:
    state = an_account("1700", positions=[a_position("-1", "67000", leverage=40)])
    assert fills(accepted(state, an_order("buy", "1"), far()).facts) == [(d(69_600), d(1))]


def test_a_flip_is_judged_by_what_it_opens_and_what_it_lost() -> None:
    state = an_account("5000", positions=[a_position("-1", "67000", leverage=40)])
    assert refused(state, an_order("buy", "2"), far()).code == "insufficient_margin"
    assert accepted(an_account("8000", positions=state.positions.values()), an_order("buy", "2"), far())


def test_amending_across_a_thin_book_is_refused_too() -> None:
    state = after(an_account("2000"), far(), an_order("buy", "1", "67000", leverage=40))
    assert refused(state, AmendOrder(-1, price=d("69600")), far()).code == "insufficient_margin"


@pytest.mark.parametrize("how", ["late", "fired"])
def test_what_arrives_or_fires_is_canceled(how: str) -> None:
    command: Any
    if how == "late":
        state = accepted(an_account("2000"), an_order("buy", "1", leverage=40), a_booked_market(), NOW, SLOW).state
        market, command = far(), MatchOrder(-1)
    else:
        stop = an_order("buy", "1", order_type=OrderType.STOP_MARKET, trigger_price=d("67500"), leverage=40)
        state = after(an_account("2000"), a_booked_market(), stop)
        market, command = a_booked_market(bids=NEAR, asks=(("70300", "10"),), mark="67500"), FireTrigger(-1)
    ended = accepted(state, command, market, NOW + SECOND).state.orders[-1]
    assert (ended.status, ended.reason, ended.filled_size) == ("canceled", "margin_canceled", 0)


def test_so_nobody_makes_a_debt_of_the_houses_by_walking_a_thin_book() -> None:
    state, market = an_account("10000"), far("70000")
    for size in ("5.6", "3", "2.6", "2.5", "2.4"):
        order = an_order("buy", size, leverage=40)
        try:
            state = after(state, market, order)
        except AssertionError:
            continue
        break
    assert state.positions["BTC"].is_open
    assert accepted(state, Liquidate(), market).for_house == ()
