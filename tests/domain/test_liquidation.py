"""Liquidation: what is closed in the market, what goes to the house, and what nobody loses."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import (
    BTC,
    NOW,
    SECOND,
    a_market,
    a_position,
    a_quote,
    accepted,
    after,
    an_account,
    an_order,
    d,
    fills,
    refused,
    trades,
)
from trading.domain.commands import Liquidate, TakeOver
from trading.domain.decider import Accepted
from trading.domain.enums import (
    AccountStatus,
    FillQuality,
    LedgerKind,
    MarginMode,
    OrderStatus,
    OrderType,
    PositionSide,
)
from trading.domain.facts import CashMoved, OrderChanged
from trading.domain.market import Market
from trading.domain.positions import Position
from trading.domain.state import AccountState

ISOLATED = MarginMode.ISOLATED
HOUSE = replace(an_account("0"), id=9, is_house=True)


def btc(mark: str, *, bids: Any = (), asks: Any = (), eth: str = "3000", at: Any = NOW) -> Market:
    """BTC with this book and ETH with a deep one at its mark."""
    deep = [(eth, "10000")]
    return a_market(a_quote(mark, bids=bids, asks=asks, at=at), a_quote(eth, "ETH", bids=deep, asks=deep, at=at))


def isolated(signed_size: str, entry: str, own: str, symbol: str = "ETH", leverage: int = 10) -> Position:
    position = a_position(signed_size, entry, symbol, leverage)
    return replace(position, margin_mode=ISOLATED, isolated_margin=d(own))


def liquidated(state: AccountState, market: Market, now: Any = NOW) -> Accepted:
    return accepted(state, Liquidate(), market, now)


def moved(decided: Accepted) -> list[tuple[LedgerKind, Decimal]]:
    return [(fact.kind, fact.amount) for fact in decided.facts if isinstance(fact, CashMoved)]


def taken(decided: Accepted) -> AccountState:
    """Give the house what a liquidation gave it."""
    house = HOUSE
    for command in decided.for_house:
        house = accepted(house, command, btc("1")).state
    return house


# 1 BTC long from 67,000: maintenance 1/80 of its value. At a mark of 66,000 that is 825.
LONG = a_position("1", "67000")


def test_nothing_happens_while_the_maintenance_margin_is_there() -> None:
    decided = liquidated(an_account("1825", positions=[LONG]), btc("66000", bids=[("66000", "9")]))
    assert (decided.facts, decided.for_house) == ((), ())


def test_below_it_the_position_is_closed_and_what_is_left_stays() -> None:
    small = a_position("0.5", "67000")  # 33,000 at 66,000: maintenance 412.5
    decided = liquidated(an_account("912.49", positions=[small]), btc("66000", bids=[("65990", "9")]))
    [trade] = trades(decided.facts)
    assert (trade.price, trade.size, trade.liquidation) == (d("65990"), d("0.5"), True)
    assert trade.fee == d("0.5") * 65990 * d("0.00045")
    assert trade.fill_quality is FillQuality.BOOK
    [order] = [fact.order for fact in decided.facts if isinstance(fact, OrderChanged)]
    assert (order.status, order.reason, order.reduce_only) == (OrderStatus.FILLED, "liquidation", True)
    assert decided.state.cash == d("912.49") - 505 - trade.fee
    assert decided.for_house == ()
    assert decided.state.liquidated_at is None


def test_of_a_position_over_100000_a_fifth_goes_first_and_the_rest_within_half_a_minute() -> None:
    big = a_position("2", "67000")  # 132,000 at 66,000: maintenance 1,650
    state, market = an_account("3600", positions=[big]), btc("66000", bids=[("65900", "9")])
    first = liquidated(state, market)
    assert fills(first.facts) == [(d("65900"), d("0.4"))]
    assert first.state.liquidated_at == NOW
    again = btc("65800", bids=[("65700", "9")], at=NOW + 29 * SECOND)
    then = liquidated(first.state, again, NOW + 29 * SECOND)
    assert fills(then.facts) == [(d("65700"), d("1.6"))]
    later = btc("65800", bids=[("65700", "9")], at=NOW + 30 * SECOND)
    assert fills(liquidated(first.state, later, NOW + 30 * SECOND).facts) == [(d("65700"), d("0.32"))]


def test_open_orders_go_first_stops_too_but_those_of_isolated_positions_stay() -> None:
    alone = isolated("1", "3000", "300")
    state = an_account("20000", positions=[a_position("0.5", "67000"), alone])
    market = btc("67000", bids=[("66990", "9")], asks=[("67010", "9")])
    state = after(
        state,
        market,
        an_order("buy", "0.001", "60000"),
        an_order("sell", "0.5", order_type=OrderType.STOP_MARKET, trigger_price=d("60000"), reduce_only=True),
        an_order("buy", "0.1", "2000", symbol="ETH"),
    )
    state = replace(state, cash=d("1212"))
    decided = liquidated(state, btc("66000", bids=[("66000", "9")]))
    ended = {order.symbol: order.reason for order in decided.state.orders.values() if order.reason != "liquidation"}
    assert ended == {"BTC": "liquidated_canceled", "ETH": ""}
    assert [order.reason for order in decided.state.orders.values()].count("liquidated_canceled") == 2


def test_what_finds_no_liquidity_waits_without_an_order() -> None:
    state = an_account("1700", positions=[LONG])
    decided = liquidated(state, btc("66000"))
    assert (decided.facts, decided.state.positions) == ((), state.positions)


def test_what_fills_in_part_leaves_the_rest_for_the_next_time() -> None:
    decided = liquidated(
        an_account("800", positions=[a_position("0.5", "67000")]), btc("66000", bids=[("66000", "0.1")])
    )
    assert [size for _, size in fills(decided.facts)] == [d("0.1")]
    [order] = [fact.order for fact in decided.facts if isinstance(fact, OrderChanged)]
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "liquidation_canceled")
    assert decided.state.positions["BTC"].size == d("0.4")


def test_several_cross_positions_go_largest_first_until_the_rest_is_carried() -> None:
    both = [a_position("1", "67000"), a_position("5", "3000", "ETH")]
    state = an_account("1950", positions=both)  # maintenance 825 + 300
    decided = liquidated(state, btc("66000", bids=[("66000", "9")]))
    assert [trade.symbol for trade in trades(decided.facts)] == ["BTC"]
    assert decided.state.positions["ETH"].is_open


# The house


def test_below_two_thirds_all_cross_positions_and_the_margin_go_to_the_house_at_the_mark() -> None:
    both = [a_position("1", "67000"), a_position("-5", "3000", "ETH")]
    decided = liquidated(an_account("1700", positions=both), btc("66000", bids=[("66000", "9")]))
    assert [(t.symbol, t.price, t.fee, t.fill_quality, t.liquidation) for t in trades(decided.facts)] == [
        ("BTC", 66000, 0, FillQuality.BACKSTOP, True),
        ("ETH", 3000, 0, FillQuality.BACKSTOP, True),
    ]
    assert moved(decided) == [(LedgerKind.BACKSTOP, -700)]
    assert decided.state.cash == 0
    assert not any(position.is_open for position in decided.state.positions.values())
    house = taken(decided)
    assert house.cash == 700
    assert house.positions["BTC"].signed_size == 1
    assert house.positions["BTC"].entry_notional == 66000
    assert house.positions["ETH"].side is PositionSide.SHORT


def test_exactly_two_thirds_still_goes_to_the_market() -> None:
    market = btc("64000", bids=[("64000", "9")])  # maintenance 800 of 64,000
    at_two_thirds = replace(LONG, entry_notional=d(64000))
    assert liquidated(an_account("533.333334", positions=[at_two_thirds]), market).for_house == ()
    assert liquidated(an_account("533.333333", positions=[at_two_thirds]), market).for_house != ()


def test_what_the_market_left_below_two_thirds_goes_over_at_once() -> None:
    state = an_account("1700", positions=[replace(LONG, leverage=10)])
    market = btc("66000", bids=[("65000", "0.5")])
    decided = liquidated(replace(state, cash=d("1600")), market)
    assert [trade.fill_quality for trade in trades(decided.facts)] == [FillQuality.BOOK, FillQuality.BACKSTOP]
    assert sum(trade.size for trade in trades(decided.facts)) == 1
    assert decided.state.cash == 0


def test_a_debt_is_made_up_by_the_house_and_told() -> None:
    decided = liquidated(an_account("900", positions=[LONG]), btc("66000"))
    assert moved(decided) == [(LedgerKind.BAD_DEBT, 100)]
    assert decided.state.cash == 0
    [command] = decided.for_house
    assert (command.cash, command.is_bad_debt) == (-100, True)
    assert taken(decided).cash == -100


def test_an_account_that_owes_without_holding_anything_is_made_whole() -> None:
    decided = liquidated(an_account("-3.5"), btc("66000"))
    assert moved(decided) == [(LedgerKind.BAD_DEBT, d("3.5"))]
    assert taken(decided).cash == d("-3.5")
    assert liquidated(decided.state, btc("66000")).facts == ()


def test_an_isolated_position_is_liquidated_alone() -> None:
    state = an_account("2045", positions=[a_position("0.1", "67000"), isolated("1", "3000", "45")])
    market = btc("67000", bids=[("66990", "9")], asks=[("67010", "9")])
    decided = liquidated(state, market)  # worth 45 of 60 needed
    assert [trade.symbol for trade in trades(decided.facts)] == ["ETH"]
    assert decided.state.cash == 2045 - d("1.35")
    assert decided.for_house == ()
    backstop = liquidated(replace(state, positions={**state.positions, "ETH": isolated("1", "3000", "39")}), market)
    assert moved(backstop) == [(LedgerKind.BACKSTOP, -39)]
    assert backstop.state.cash == 2006
    assert backstop.state.positions["BTC"].is_open


def test_an_isolated_position_never_costs_more_than_its_margin() -> None:
    state = an_account("2045", positions=[isolated("1", "3000", "45")])
    thin = a_market(a_quote("3000", "ETH", bids=[("2900", "1")], asks=[("3000", "1")]))
    decided = liquidated(state, thin)
    assert fills(decided.facts) == [(d("2900"), d("1"))]
    assert decided.state.cash == 2000, "the house bears what the fill lost beyond the margin, and its fee"
    assert taken(decided).cash == 45 - 100 - d("1.305")


def test_part_of_an_isolated_position_may_cure_it() -> None:
    state = an_account("4000", positions=[isolated("50", "3000", "2990")])  # maintenance 3,000
    decided = liquidated(state, btc("67000"))
    assert fills(decided.facts) == [(d("3000"), d("10"))]
    assert decided.state.positions["ETH"].isolated_margin == d("2990") - d("13.5")
    assert liquidated(decided.state, btc("67000"), NOW + SECOND).facts == ()


# When nothing is done


@pytest.mark.parametrize("age", [timedelta(seconds=16), timedelta(days=1)])
def test_nobody_is_liquidated_on_a_stale_price(age: timedelta) -> None:
    decided = liquidated(an_account("900", positions=[LONG]), btc("66000", bids=[("66000", "9")]), NOW + age)
    assert (decided.facts, decided.for_house) == ((), ())


def test_a_frozen_account_is_liquidated_like_any_other() -> None:
    state = an_account("900", positions=[LONG], status=AccountStatus.FROZEN)
    assert liquidated(state, btc("66000")).for_house != ()


def test_the_house_is_never_liquidated_and_nobody_else_takes_over() -> None:
    house = replace(HOUSE, cash=d(-5000), positions={"BTC": LONG})
    assert liquidated(house, btc("66000", bids=[("66000", "9")])).facts == ()
    error = refused(an_account(), TakeOver(2, (LONG,), (d(66000),), d(1)), btc("66000"))
    assert error.reason == "not_the_house"


def test_what_the_house_takes_is_set_off_against_what_it_holds() -> None:
    house = accepted(HOUSE, TakeOver(2, (LONG,), (d(66000),), d(10)), btc("66000")).state
    short = replace(LONG, side=PositionSide.SHORT)
    house = accepted(house, TakeOver(3, (short,), (d(66500),), d(20)), btc("66500")).state
    assert not house.positions["BTC"].is_open
    assert house.cash == 10 + 20 + 500


def test_a_position_of_a_finer_lot_than_today_is_closed_and_not_turned() -> None:
    odd = a_position("1.00055", "67000")
    coarse = replace(btc("66000", bids=[("66000", "9")]), instruments={"BTC": replace(BTC, size_decimals=3)})
    decided = liquidated(an_account("1820", positions=[odd]), coarse)
    assert fills(decided.facts) == [(66_000, d("1.00055"))]
    assert not decided.state.positions["BTC"].is_open
