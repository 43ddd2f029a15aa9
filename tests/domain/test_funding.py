"""Funding: premiums, rates, hours, and what an account pays."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import (
    BTC,
    NOW,
    SECOND,
    a_booked_market,
    a_market,
    a_position,
    a_quote,
    accepted,
    after,
    an_account,
    an_order,
    d,
)
from trading.domain.book import levels_from
from trading.domain.commands import SettleFunding
from trading.domain.enums import AccountStatus, LedgerKind, MarginMode
from trading.domain.facts import CashMoved, EquityRecorded, PositionChanged
from trading.domain.funding import (
    Premiums,
    Sample,
    hour_of,
    hourly_rate,
    impact_price,
    payment,
    premium,
    sample_of,
    sampled,
)

HOUR = NOW + timedelta(hours=1)
SETTLE = SettleFunding("BTC", HOUR, d("0.0000125"), d("66900"))


@pytest.mark.parametrize(
    ("levels", "notional", "price"),
    [
        ([("100", "1"), ("101", "1")], "100", "100"),
        ([("100", "1"), ("110", "1")], "155", "103.3333"),
        ([("100", "1")], "1000", "100"),
        ([("100", "1"), ("200", "1")], "5000", "150"),
        ([], "1000", None),
    ],
)
def test_the_impact_price_is_the_average_of_what_the_notional_takes(
    levels: list[tuple[str, str]], notional: str, price: str | None
) -> None:
    found = impact_price(levels_from(levels), d(notional))
    assert found is None if price is None else found is not None and abs(found - d(price)) < d("0.0001")


def test_a_side_without_a_price_has_no_part_in_the_premium() -> None:
    assert premium(None, None, d(100)) == 0
    assert premium(d(101), None, d(100)) == d("0.01")
    assert premium(None, d(99), d(100)) == d("-0.01")
    assert premium(d(99), d(101), d(100)) == 0


@given(st.decimals("-1", "1", places=12))
def test_the_rate_is_bounded_and_odd_about_the_interest(mean: object) -> None:
    rate = hourly_rate(d(mean))
    assert abs(rate) <= d("0.04")
    assert hourly_rate(d("0.0001")) == d("0.0000125")
    assert (rate > d("0.0000125")) == (d(mean) > d("0.0006")) or abs(rate - d("0.0000125")) < d("1e-11")


def test_an_hour_is_named_by_its_end_and_a_full_hour_begins_the_next() -> None:
    assert hour_of(NOW) == HOUR
    assert hour_of(HOUR - timedelta(microseconds=1)) == HOUR
    assert hour_of(HOUR) == HOUR + timedelta(hours=1)


def test_there_is_one_sample_in_each_five_seconds() -> None:
    assert sample_of(NOW) == sample_of(NOW + 4.9 * SECOND) == sample_of(NOW + 5 * SECOND) - 1
    premiums = Premiums(HOUR).plus(7, d("0.01"), d(100)).plus(7, d("0.09"), d(200)).plus(9, d("0.02"), d(300))
    assert (premiums.samples, premiums.mean, premiums.oracle) == (2, d("0.015"), 300)


def test_a_sample_needs_a_fresh_price_and_does_not_see_what_the_exchange_took() -> None:
    instrument = replace(BTC, impact_notional=d(20_000))
    market = a_booked_market(bids=(("67200", "0.1"), ("67100", "5")), asks=(("67300", "5"),), mark="67000")
    before = sampled(market, instrument, NOW)
    assert before is not None
    assert before.oracle == 67_000
    assert d("0.0015") < before.premium < d("0.003")
    accepted(an_account("1000000"), an_order("sell", "3"), market)
    assert sampled(market, instrument, NOW) == before
    assert sampled(market, instrument, NOW + 20 * SECOND) is None
    assert sampled(a_market(), instrument, NOW) is None
    above = sampled(a_market(a_quote("67000", oracle=d(66_000))), instrument, NOW)
    assert above == Sample(d("0.015090909091"), d(66_000))


def test_a_long_pays_and_a_short_receives_cut_to_a_micro() -> None:
    for size, expected in (("0.1", "-0.083625"), ("-0.1", "0.083625"), ("0.00001", "-0.000008")):
        state = an_account(positions=[a_position(size)])
        result = accepted(state, SETTLE, a_booked_market())
        moved, recorded = result.facts
        assert isinstance(moved, CashMoved)
        assert (moved.kind, moved.amount, moved.key) == (LedgerKind.FUNDING, d(expected), "funding:BTC:2025-03-14T13")
        assert moved.amount == payment(d(size), d(66_900), d("0.0000125"))
        assert result.state.cash == moved.balance == state.cash + d(expected)
        assert isinstance(recorded, EquityRecorded)
        assert result.state.day.net_deposits == state.day.net_deposits


def test_an_hour_is_paid_once() -> None:
    state = after(an_account(positions=[a_position("0.1")]), a_booked_market(), SETTLE)
    again = accepted(state, SETTLE, a_booked_market())
    assert (again.duplicate, again.facts, again.state) == (True, (), state)
    later = accepted(state, replace(SETTLE, hour=HOUR + timedelta(hours=1)), a_booked_market())
    assert len(later.facts) == 2


def test_nothing_is_paid_on_nothing() -> None:
    for state in (an_account(), an_account(positions=[a_position("0")])):
        assert accepted(state, SETTLE, a_booked_market()).facts == ()
    tiny = accepted(an_account(positions=[a_position("0.1")]), replace(SETTLE, rate=d("1e-12")), a_booked_market())
    assert tiny.facts == ()


def test_a_frozen_account_pays_and_a_missing_price_does_not_matter() -> None:
    state = replace(an_account(positions=[a_position("0.1")]), status=AccountStatus.FROZEN)
    assert accepted(state, SETTLE, a_market()).state.cash == d("9999.916375")


def test_an_isolated_position_pays_from_its_own_margin() -> None:
    position = replace(a_position("0.1"), margin_mode=MarginMode.ISOLATED, isolated_margin=d("670"))
    result = accepted(an_account(positions=[position]), SETTLE, a_booked_market())
    assert result.state.positions["BTC"].isolated_margin == d("669.916375")
    assert result.state.cash == d("9999.916375")
    assert [type(fact) for fact in result.facts] == [CashMoved, PositionChanged, EquityRecorded]
