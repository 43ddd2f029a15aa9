"""Choices that the venue leaves open: each by its name, the default and the other one."""

from dataclasses import replace
from decimal import ROUND_HALF_EVEN
from typing import Any

import pytest

from tests.domain.given import (
    NOW,
    a_booked_market,
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
from trading.desk import policies
from trading.domain.commands import AmendOrder, FireTrigger, MatchOrder, MoveCash, SettleFunding
from trading.domain.enums import LedgerKind, OrderType
from trading.domain.facts import CashMoved
from trading.domain.instruments import Instrument, tiers_from
from trading.domain.policies import DEFAULTS, Policies

WITH_FEES = Policies(margin_for_fees=True)


def test_the_settings_default_to_the_policies_own_figures() -> None:
    assert replace(policies(), latency=DEFAULTS.latency) == DEFAULTS


@pytest.mark.parametrize(
    ("leverage", "market", "limit"),
    [(40, "15e6", "150e6"), (25, "15e6", "150e6"), (24, "5e6", "50e6"), (20, "5e6", "50e6"), (19, "2e6", "20e6"),
     (10, "2e6", "20e6"), (9, "5e5", "5e6"), (1, "5e5", "5e6")],
)  # fmt: skip
def test_the_most_that_an_order_may_be_worth_follows_the_instruments_leverage(
    leverage: int, market: str, limit: str
) -> None:
    coin = Instrument("BTC", 2, tiers_from([[0, leverage]]))
    levels = [("999", "1000000")]
    there = a_market(a_quote("1000", bids=levels, asks=[("1000", "1000000")]), instruments=[coin])
    state = an_account("1000000000")
    for most, price in ((d(market), None), (d(limit), "1000")):
        size = most / 1000
        order = an_order("buy", f"{size:f}", price, leverage=1)
        assert fills(accepted(state, order, there).facts) == [(d(1000), size)]
        more = an_order("buy", f"{size + d('0.01'):f}", price, leverage=1)
        assert refused(state, more, there).reason == "max_notional_rejected"


def test_a_stop_that_goes_to_the_market_is_held_to_what_a_market_order_is() -> None:
    state = an_account("1000000000")
    for kind, price, most in (
        (OrderType.STOP_MARKET, None, "214.28571"),
        (OrderType.STOP_LIMIT, "70000", "2142.85714"),
    ):
        order = an_order("buy", most, price, order_type=kind, trigger_price=d("70000"))
        placed = accepted(state, order, a_booked_market())
        assert refused(state, replace(order, size=d(most) + 1), a_booked_market()).reason == "max_notional_rejected"
        wider = AmendOrder(placed.orders[0].ref, size=d(most) + 1)
        assert refused(placed.state, wider, a_booked_market()).reason == "max_notional_rejected"


@pytest.mark.parametrize(
    ("cash", "policy", "is_refused"),
    [("670.1", DEFAULTS, False), ("670.1", WITH_FEES, True), ("673.11544", WITH_FEES, True),
     ("673.11545", WITH_FEES, False)],
)  # fmt: skip
def test_margin_may_have_to_cover_the_fees(cash: str, policy: Policies, is_refused: bool) -> None:
    # 0.1 x 67,010 / 10, and 0.045 % of 6,701
    order = an_order("buy", "0.1", leverage=10)
    if is_refused:
        assert refused(an_account(cash), order, a_booked_market(), NOW, policy).code == "insufficient_margin"
    else:
        assert accepted(an_account(cash), order, a_booked_market(), NOW, policy).state.positions["BTC"].is_open


@pytest.mark.parametrize(("policy", "status"), [(DEFAULTS, "filled"), (WITH_FEES, "canceled")])
def test_so_does_what_fires_or_rested(policy: Policies, status: str) -> None:
    stop = an_order("buy", "0.1", order_type=OrderType.STOP_MARKET, trigger_price=d("67005"), leverage=10)
    rests = an_order("buy", "0.1", "66000", leverage=10)
    cases: list[Any] = [
        (stop, FireTrigger(-1), "670.1", a_booked_market(mark="67005")),
        (rests, MatchOrder(-1), "660", a_market(a_quote("66000", bids=(), asks=[("66000", "1")]))),
    ]
    for order, command, cash, market in cases:
        state = accepted(an_account(cash), order, a_booked_market(), NOW, policy).state
        assert accepted(state, command, market, NOW, policy).state.orders[-1].status == status


def test_a_maker_is_asked_for_the_makers_fee() -> None:
    order, market = an_order("buy", "0.1", "66000", leverage=10), a_market(a_quote("66000", asks=[("66000", "1")]))
    for cash, status in (("660.989999", "canceled"), ("660.99", "filled")):
        state = accepted(an_account(cash), order, a_booked_market(), NOW, WITH_FEES).state
        assert accepted(state, MatchOrder(-1), market, NOW, WITH_FEES).state.orders[-1].status == status


@pytest.mark.parametrize(("share", "free"), [("0.1", "3300"), ("0", "8325"), ("0.05", "6650")])
def test_the_part_of_the_positions_that_can_not_be_withdrawn(share: str, free: str) -> None:
    state, policy = an_account("10000", positions=[a_position("1", leverage=40)]), Policies(withdrawable_share=d(share))
    market = a_market(a_quote())
    assert accepted(state, MoveCash(LedgerKind.WITHDRAWAL, -d(free)), market, NOW, policy)
    more = MoveCash(LedgerKind.WITHDRAWAL, -d(free) - d("0.000001"))
    assert refused(state, more, market, NOW, policy).code == "insufficient_margin"


@pytest.mark.parametrize(
    ("policy", "paid"), [(DEFAULTS, "-0.000001"), (Policies(funding_rounding=ROUND_HALF_EVEN), "-0.000002")]
)
def test_a_funding_payment_is_cut_or_rounded(policy: Policies, paid: str) -> None:
    state = an_account(positions=[a_position("0.00001", "67000")])
    command = SettleFunding("BTC", NOW, d("0.000003"), d("60000"))
    [moved] = [f for f in accepted(state, command, a_market(a_quote()), NOW, policy).facts if isinstance(f, CashMoved)]
    assert moved.amount == d(paid)
