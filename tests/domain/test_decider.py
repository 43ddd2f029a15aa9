"""What each command does to an account, and what is refused by which name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest

from tests.domain.given import (
    ASKS,
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
    fills,
    refused,
    trades,
)
from trading.domain.commands import (
    CancelAllOrders,
    CancelOrder,
    Command,
    MatchOrder,
    MoveCash,
    PlaceOrder,
    RecordEquity,
    SubmitDecision,
)
from trading.domain.decider import Accepted, decide
from trading.domain.enums import (
    AccountStatus,
    Action,
    FillQuality,
    LedgerKind,
    Liquidity,
    OrderStatus,
    OrderType,
    PositionSide,
    TimeInForce,
    TradeStatus,
)
from trading.domain.equity import Day
from trading.domain.errors import (
    AccountFrozen,
    DuplicateClientOrderId,
    InsufficientMargin,
    MarketUnavailable,
    NotFound,
    NotOpen,
    OrderRejected,
    Rejection,
    UnknownSymbol,
)
from trading.domain.facts import CashMoved, DecisionRecorded, EquityRecorded, OrderChanged, PositionChanged
from trading.domain.limits import RiskLimits
from trading.domain.market import Market
from trading.domain.policies import Policies
from trading.domain.state import AccountState

RICH = "1000000"
IOC, ALO = TimeInForce.IOC, TimeInForce.ALO


def rows(*pairs: tuple[str, str]) -> list[tuple[Decimal, Decimal]]:
    return [(d(price), d(size)) for price, size in pairs]


def only_order(state: AccountState) -> Any:
    [order] = state.orders.values()
    return order


# Placing: bids 66990 × 1, 66980 × 2; asks 67010 × 1, 67020 × 2


@pytest.mark.parametrize(
    ("order", "filled", "status", "reason"),
    [
        (an_order("buy", "0.4"), [("67010", "0.4")], "filled", ""),
        (an_order("buy", "2"), [("67010", "1"), ("67020", "1")], "filled", ""),
        (an_order("sell", "2"), [("66990", "1"), ("66980", "1")], "filled", ""),
        (an_order("buy", "5"), [("67010", "1"), ("67020", "2")], "canceled", "market_canceled"),
        (an_order("buy", "1", "66000"), [], "open", ""),
        (an_order("buy", "1", "67010"), [("67010", "1")], "filled", ""),
        (an_order("buy", "1", "68000"), [("67010", "1")], "filled", ""),
        (an_order("buy", "2", "67010"), [("67010", "1")], "open", ""),
        (an_order("sell", "2", "66990"), [("66990", "1")], "open", ""),
        (an_order("sell", "1", "67000"), [], "open", ""),
        (an_order("buy", "2", "67010", time_in_force=IOC), [("67010", "1")], "canceled", "ioc_canceled"),
        (an_order("sell", "1.5", "66980", time_in_force=IOC), [("66990", "1"), ("66980", "0.5")], "filled", ""),
        (an_order("buy", "1", "67009", time_in_force=ALO), [], "open", ""),
        (an_order("sell", "1", "66991", time_in_force=ALO), [], "open", ""),
    ],
)
def test_an_order_takes_what_its_limit_reaches_and_the_rest_follows_its_time_in_force(
    order: PlaceOrder, filled: list[tuple[str, str]], status: str, reason: str
) -> None:
    result = accepted(an_account(RICH), order, a_booked_market())
    assert fills(result.facts) == rows(*filled)
    [placed] = result.orders
    assert (placed.status, placed.reason) == (status, reason)
    assert placed.filled_size == sum((d(size) for _, size in filled), d(0))
    assert result.state.orders[placed.ref] == placed
    assert all(trade.liquidity is Liquidity.TAKER for trade in trades(result.facts))


def test_facts_come_in_order_order_trades_positions_equity() -> None:
    result = accepted(an_account(RICH), an_order("buy", "2"), a_booked_market())
    kinds = [type(fact).__name__ for fact in result.facts]
    assert kinds == ["OrderChanged", "TradeExecuted", "TradeExecuted", "PositionChanged", "EquityRecorded"]


def test_a_market_order_without_a_book_fills_at_assumed_prices_that_grow_with_its_size() -> None:
    market = a_market(a_quote("60000"))
    small = accepted(an_account(RICH), an_order("buy", "0.1"), market)
    large = accepted(an_account(RICH), an_order("buy", "10"), market)
    assert fills(small.facts) == rows(("60003", "0.1"))
    assert large.orders[0].average_price > small.orders[0].average_price
    assert {trade.fill_quality for trade in trades(large.facts)} == {FillQuality.SYNTHETIC}


def flat() -> AccountState:
    return an_account(RICH)


def long() -> AccountState:
    return an_account(RICH, positions=[a_position("0.5")])


def short() -> AccountState:
    return an_account(RICH, positions=[a_position("-0.5")])


@pytest.mark.parametrize(
    ("state", "order", "reason", "fields"),
    [
        (flat, an_order("buy", "1", "67000.5"), "tick_rejected", ["price"]),
        (flat, an_order("buy", "1", "0"), "tick_rejected", ["price"]),
        (flat, an_order("buy", "1", "-1"), "tick_rejected", ["price"]),
        (flat, an_order("buy", "1", "NaN"), "tick_rejected", ["price"]),
        (flat, an_order("buy", "0.00001", "1000000000000"), "tick_rejected", ["price"]),
        (flat, an_order("buy", "1", order_type=OrderType.LIMIT), "tick_rejected", ["price"]),
        (flat, an_order("buy", "1", "67000", order_type=OrderType.MARKET), "tick_rejected", ["price"]),
        (flat, an_order("buy", "1", time_in_force=IOC), "tick_rejected", ["time_in_force"]),
        (flat, an_order("buy", "0.000001"), "lot_rejected", ["size"]),
        (flat, an_order("buy", "0"), "lot_rejected", ["size"]),
        (flat, an_order("buy", "-1"), "lot_rejected", ["size"]),
        (flat, an_order("buy", "Infinity"), "lot_rejected", ["size"]),
        (flat, an_order("buy", "NaN"), "lot_rejected", ["size"]),
        (flat, an_order("buy", "10000000000", "0.1"), "lot_rejected", ["size"]),
        (flat, an_order("buy", "0.000001", "67000.5"), "lot_rejected", ["size", "price"]),
        (flat, an_order("buy", "1", leverage=0), "leverage_rejected", ["leverage"]),
        (flat, an_order("buy", "1", leverage=41), "leverage_rejected", ["leverage"]),
        (flat, an_order("buy", "0.00014"), "min_trade_ntl_rejected", ["size"]),
        (flat, an_order("buy", "0.0001", "66000"), "min_trade_ntl_rejected", ["size"]),
        (flat, an_order("buy", "7463"), "max_notional_rejected", ["size"]),
        (flat, an_order("buy", "1", "67010", time_in_force=ALO), "bad_alo_px_rejected", ["price"]),
        (flat, an_order("sell", "1", "66990", time_in_force=ALO), "bad_alo_px_rejected", ["price"]),
        (flat, an_order("buy", "1", "67009", time_in_force=IOC), "ioc_cancel_rejected", ["price"]),
        (flat, an_order("sell", "1", reduce_only=True), "reduce_only_rejected", ["reduce_only"]),
        (long, an_order("buy", "1", reduce_only=True), "reduce_only_rejected", ["reduce_only"]),
        (short, an_order("sell", "1", reduce_only=True), "reduce_only_rejected", ["reduce_only"]),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_by_name(
    state: Callable[[], AccountState], order: PlaceOrder, reason: str, fields: list[str]
) -> None:
    error = refused(state(), order, a_booked_market())
    assert isinstance(error, OrderRejected)
    assert (error.code, error.reason) == ("order_rejected", reason)
    assert [problem.path for problem in error.fields] == fields


@pytest.mark.parametrize(
    ("bids", "asks", "side"),
    [
        ((("66990", "1"),), (), "buy"),
        ((), (("67010", "1"),), "sell"),
        ((("66990", "1"),), (("80000", "1"),), "buy"),
    ],
    ids=["no asks", "no bids", "asks beyond the slippage cap"],
)
def test_a_market_order_with_nothing_to_take_is_refused(bids: Any, asks: Any, side: str) -> None:
    error = refused(an_account(RICH), an_order(side, "1"), a_booked_market(bids, asks))
    assert error.reason == "market_order_no_liquidity_rejected"


def test_the_slippage_cap_is_a_policy() -> None:
    policies = Policies(market_slippage=d("0.0002"))
    result = accepted(an_account(RICH), an_order("buy", "2"), a_booked_market(), policies=policies)
    assert fills(result.facts) == rows(("67010", "1"))
    assert result.orders[0].price == d("67013")


def test_too_many_open_orders_are_refused_but_orders_that_do_not_rest_are_not() -> None:
    market, policies = a_booked_market(), Policies(max_open_orders=1)
    state = accepted(an_account(RICH), an_order("buy", "1", "60000"), market, policies=policies).state
    error = refused(state, an_order("buy", "1", "60000"), market, policies=policies)
    assert error.reason == "too_many_open_orders_rejected"
    accepted(state, an_order("buy", "0.1"), market, policies=policies)
    state = after(state, market, CancelAllOrders())
    accepted(state, an_order("buy", "1", "60000"), market, policies=policies)


def test_the_least_notional_is_met_exactly() -> None:
    accepted(an_account(), an_order("buy", "0.00016", "62500"), a_booked_market())


def test_a_reduce_only_order_may_be_as_small_as_a_lot() -> None:
    state = an_account(positions=[a_position("0.5")])
    accepted(state, an_order("sell", "0.00001", reduce_only=True), a_booked_market())


def test_an_unknown_symbol_is_refused_and_the_known_ones_are_named() -> None:
    for command in (
        an_order(symbol="DOGE"),
        SubmitDecision("m", "DOGE", Action.BUY, "because", order=an_order(symbol="DOGE")),
    ):
        error = refused(an_account(), command, a_booked_market())
        assert isinstance(error, UnknownSymbol)
        assert "BTC, ETH" in error.message


@pytest.mark.parametrize("age", [0, 15])
def test_a_price_may_be_used_until_it_is_stale(age: int) -> None:
    market = a_market(a_quote(at=NOW - age * SECOND))
    accepted(an_account(), an_order(), market)


def test_no_order_fills_on_a_stale_price_or_none() -> None:
    stale = a_market(a_quote(at=NOW - 15 * SECOND - timedelta(microseconds=1)))
    assert isinstance(refused(an_account(), an_order(), stale), MarketUnavailable)
    assert isinstance(refused(an_account(), an_order("buy", "0.1", "60000"), stale), MarketUnavailable)
    assert isinstance(refused(an_account(), an_order(), a_market()), MarketUnavailable)


def test_a_price_that_stands_until_replaced_never_grows_stale() -> None:
    accepted(an_account(), an_order(), a_market(a_quote(at=NOW - timedelta(days=9), expires=False)))


def test_a_frozen_account_cancels_but_places_nothing() -> None:
    market = a_booked_market()
    state = replace(after(an_account(), market, an_order("buy", "0.1", "60000")), status=AccountStatus.FROZEN)
    assert isinstance(refused(state, an_order(), market), AccountFrozen)
    assert only_order(after(state, market, CancelAllOrders())).status is OrderStatus.CANCELED


# Margin


@pytest.mark.parametrize(
    ("cash", "order"),
    [
        ("6600", an_order("buy", "1", "66000", leverage=10)),
        ("6701", an_order("buy", "1", "67010", leverage=10)),
        ("6701", an_order("buy", "1", leverage=10)),
        ("6701", an_order("buy", "1")),
        ("1675.25", an_order("buy", "1", leverage=40)),
        ("20105", an_order("buy", "3")),
        ("13402", an_order("buy", "2", "67010")),
    ],
)
def test_needed_margin_may_equal_what_is_available(cash: str, order: PlaceOrder) -> None:
    accepted(an_account(cash), order, a_booked_market())
    error = refused(an_account(str(d(cash) - d("0.000001"))), order, a_booked_market())
    assert isinstance(error, InsufficientMargin)
    assert error.reason == "perp_margin_rejected"


def test_resting_orders_hold_margin_until_they_are_canceled() -> None:
    market = a_booked_market()
    state = after(an_account("10000"), market, an_order("buy", "1", "60000"))
    assert state.order_margin() == d("6000")
    assert isinstance(refused(state, an_order("buy", "1", "60000"), market), InsufficientMargin)
    accepted(state, an_order("buy", "0.66666", "60000"), market)
    accepted(after(state, market, CancelAllOrders()), an_order("buy", "1", "60000"), market)


def test_orders_against_a_position_hold_margin_only_for_what_exceeds_it() -> None:
    market = a_booked_market()
    state = after(an_account("10000", positions=[a_position("0.5")]), market, an_order("sell", "0.4", "70000"))
    assert state.order_margin() == 0
    state = after(state, market, an_order("sell", "0.3", "70000"))
    assert state.order_margin() == d("0.2") * 70000 / 10
    state = after(state, market, an_order("sell", "0.5", "70000", reduce_only=True))
    assert state.order_margin() == d("0.2") * 70000 / 10


def test_unrealised_losses_leave_less_margin() -> None:
    state = an_account("1000", positions=[a_position("0.1", entry="70000")])
    assert isinstance(refused(state, an_order("buy", "0.1", "60000"), a_booked_market()), InsufficientMargin)


def test_a_position_can_always_be_closed_whatever_rests_beside_it() -> None:
    held = an_account("6700", positions=[a_position("1")])
    state = after(held, a_booked_market(), an_order("sell", "1", "80000"))
    fallen = a_booked_market([("61000", "5")], [("61010", "5")], mark="61000")
    for close in (an_order("sell", "1"), an_order("sell", "1", reduce_only=True), an_order("sell", "0.4", "61000")):
        result = accepted(state, close, fallen)
        assert result.state.positions["BTC"].size == 1 - close.size


def test_a_flip_needs_margin_for_what_it_opens_only() -> None:
    state = an_account("6700", positions=[a_position("0.5")])
    market = a_booked_market([("67000", "9")], [("67010", "9")])
    result = accepted(state, an_order("sell", "1.5"), market)
    assert result.state.positions["BTC"].signed_size == -1
    assert isinstance(refused(state, an_order("sell", "1.50001"), market), InsufficientMargin)


# Positions


@pytest.mark.parametrize("size", ["0.5", "0.8", "100"])
def test_a_reduce_only_order_is_clipped_to_the_position(size: str) -> None:
    state = an_account(positions=[a_position("0.5")])
    result = accepted(state, an_order("sell", size, reduce_only=True), a_booked_market())
    [order] = result.orders
    assert (order.size, order.status) == (d("0.5"), OrderStatus.FILLED)
    assert not result.state.positions["BTC"].is_open


def test_a_flip_is_one_fill_that_closes_and_opens_at_its_price() -> None:
    state = an_account(positions=[a_position("0.5", entry="66000")])
    result = accepted(state, an_order("sell", "0.8"), a_booked_market())
    [trade] = trades(result.facts)
    assert (trade.size, trade.price, trade.start_position) == (d("0.8"), d("66990"), d("0.5"))
    assert (trade.pnl, trade.status) == (d("495"), TradeStatus.CLOSED)
    assert trade.fee == d("24.1164")
    position = result.state.positions["BTC"]
    assert (position.side, position.size, position.entry_price) == (PositionSide.SHORT, d("0.3"), d("66990"))
    assert position.realized_pnl == d("495")
    assert result.state.cash == 10000 + d("495") - d("24.1164")


def test_an_opening_fill_has_no_pnl_and_a_closing_one_has_even_of_zero() -> None:
    market = a_market(a_quote(bids=[("67000", "9")], asks=[("67000", "9")]))
    opened = accepted(an_account(), an_order("buy"), market)
    closed = accepted(opened.state, an_order("sell"), market)
    assert [(t.pnl, t.status) for t in trades(opened.facts)] == [(None, TradeStatus.FILLED)]
    assert [(t.pnl, t.status) for t in trades(closed.facts)] == [(d(0), TradeStatus.CLOSED)]


def test_a_closed_position_keeps_its_side_and_leverage_and_is_told() -> None:
    state = an_account(positions=[a_position("0.5", leverage=7)])
    result = accepted(state, an_order("sell", "0.5"), a_booked_market())
    [told] = [fact for fact in result.facts if isinstance(fact, PositionChanged)]
    assert told.position == result.state.positions["BTC"]
    assert (told.position.size, told.position.entry_notional, told.position.entry_price) == (0, 0, 0)
    assert (told.position.side, told.position.leverage) == (PositionSide.LONG, 7)


@pytest.mark.parametrize(("asked", "expected"), [(None, 7), (3, 3), (40, 40)])
def test_an_order_takes_its_own_leverage_else_the_positions(asked: int | None, expected: int) -> None:
    state = an_account(positions=[a_position("0.01", leverage=7)])
    result = accepted(state, an_order("buy", "0.01", leverage=asked), a_booked_market())
    assert result.orders[0].leverage == result.state.positions["BTC"].leverage == expected


def test_an_order_without_leverage_takes_the_instruments_default_where_nothing_was_held() -> None:
    assert accepted(an_account(), an_order("buy", "0.01"), a_booked_market()).orders[0].leverage == 10


def test_a_resting_order_changes_the_leverage_of_the_position_at_once() -> None:
    state = an_account(positions=[a_position("0.1", leverage=5)])
    result = accepted(state, an_order("buy", "0.01", "60000", leverage=20), a_booked_market())
    assert result.state.positions["BTC"].leverage == 20
    assert any(isinstance(fact, PositionChanged) for fact in result.facts)


def test_leverage_is_not_lowered_below_what_the_account_can_carry() -> None:
    state = an_account("1000", positions=[a_position("0.1", leverage=10)])
    error = refused(state, an_order("sell", "0.01", "70000", reduce_only=True, leverage=5), a_booked_market())
    assert isinstance(error, InsufficientMargin)
    accepted(state, an_order("sell", "0.01", "70000", reduce_only=True, leverage=7), a_booked_market())


# Canceling


def test_an_order_is_canceled_by_id_or_client_id_and_keeps_its_fills() -> None:
    market = a_booked_market()
    state = after(an_account(RICH), market, an_order("buy", "2", "67010", client_order_id="a"))
    ref = only_order(state).ref
    for command in (CancelOrder(order_id=ref), CancelOrder(client_order_id="a")):
        result = accepted(state, command, market)
        [order] = result.orders
        assert (order.status, order.reason, order.filled_size) == (OrderStatus.CANCELED, "canceled", 1)
        assert result.facts == (OrderChanged(order, created=False),)
        assert result.state.order_margin() == 0


@pytest.mark.parametrize("command", [CancelOrder(99), CancelOrder(client_order_id="no such"), CancelOrder()])
def test_an_order_that_is_not_there_is_not_found(command: CancelOrder) -> None:
    market = a_booked_market()
    state = after(an_account(), market, an_order("buy", "0.1", "60000"))
    assert isinstance(refused(state, command, market), NotFound)


@pytest.mark.parametrize("order", [an_order(client_order_id="a"), an_order("buy", "0.1", "60000", client_order_id="a")])
def test_a_finished_order_is_not_canceled(order: PlaceOrder) -> None:
    market = a_booked_market()
    state = after(an_account(), market, order)
    if only_order(state).is_open:
        state = after(state, market, CancelOrder(client_order_id="a"))
    error = refused(state, CancelOrder(client_order_id="a"), market)
    assert isinstance(error, NotOpen)
    assert only_order(state).status in error.message


def test_all_orders_are_canceled_or_those_of_one_symbol() -> None:
    market = a_booked_market()
    state = after(
        an_account(RICH),
        market,
        an_order("buy", "1", "60000"),
        an_order("buy", "1", "2000", symbol="ETH"),
        an_order("sell", "1", "70000"),
        an_order("buy", "0.1"),
    )
    some = accepted(state, CancelAllOrders("BTC"), market)
    assert [order.symbol for order in some.orders] == ["BTC", "BTC"]
    rest = accepted(some.state, CancelAllOrders(), market)
    assert [order.symbol for order in rest.orders] == ["ETH"]
    nothing = accepted(rest.state, CancelAllOrders(), market)
    assert (nothing.orders, nothing.facts, nothing.state) == ((), (), rest.state)


# client_order_id


@pytest.mark.parametrize(
    "retry",
    [
        an_order("buy", "0.1", "60000", client_order_id="a"),
        an_order("buy", "0.100", "60000.00", client_order_id="a"),
        an_order("buy", "1E-1", "6E+4", client_order_id="a"),
    ],
)
def test_the_same_body_under_the_same_client_id_is_the_same_order(retry: PlaceOrder) -> None:
    market = a_booked_market()
    first = accepted(an_account(), an_order("buy", "0.1", "60000", client_order_id="a"), market)
    again = accepted(first.state, retry, market)
    assert again == Accepted(first.state, (), first.orders, duplicate=True)


@pytest.mark.parametrize(
    "other",
    [
        an_order("sell", "0.1", "60000", client_order_id="a"),
        an_order("buy", "0.2", "60000", client_order_id="a"),
        an_order("buy", "0.1", "60001", client_order_id="a"),
        an_order("buy", "0.1", client_order_id="a"),
        an_order("buy", "0.1", "60000", client_order_id="a", time_in_force=IOC),
        an_order("buy", "0.1", "60000", client_order_id="a", reduce_only=True),
        an_order("buy", "0.1", "60000", client_order_id="a", leverage=10),
        an_order("buy", "0.1", "60000", client_order_id="a", symbol="ETH"),
    ],
)
def test_another_body_under_the_same_client_id_is_refused(other: PlaceOrder) -> None:
    market = a_booked_market()
    state = after(an_account(), market, an_order("buy", "0.1", "60000", client_order_id="a"))
    assert isinstance(refused(state, other, market), DuplicateClientOrderId)


def test_a_retry_finds_its_order_after_it_is_finished_the_account_frozen_and_the_market_gone() -> None:
    order = an_order("buy", "0.1", client_order_id="a")
    state = after(an_account(), a_booked_market(), order)
    result = accepted(replace(state, status=AccountStatus.FROZEN), order, a_market())
    assert (result.duplicate, result.facts) == (True, ())
    assert result.orders[0].status is OrderStatus.FILLED


# Matching resting orders


def resting(order: PlaceOrder, **values: Any) -> AccountState:
    """Return an account in which this order rests alone."""
    return after(an_account(values.pop("cash", RICH), **values), a_booked_market(), order)


def through(bids: Any = (), asks: Any = ()) -> Market:
    return a_market(a_quote("65000", bids=bids, asks=asks), a_quote("3000", "ETH"))


@pytest.mark.parametrize(
    ("asks", "filled", "status"),
    [
        ([("65010", "5")], "2", "filled"),
        ([("66000", "5")], "2", "filled"),
        ([("65010", "0.5"), ("66000", "0.7"), ("66010", "9")], "1.2", "open"),
        ([("66010", "9")], "0", "open"),
        ([], "0", "open"),
    ],
)
def test_a_resting_order_fills_as_maker_at_its_own_price_as_far_as_the_book_goes(
    asks: list[tuple[str, str]], filled: str, status: str
) -> None:
    state = resting(an_order("buy", "2", "66000"))
    result = accepted(state, MatchOrder(only_order(state).ref), through(asks=asks))
    order = only_order(result.state)
    assert (order.filled_size, order.status) == (d(filled), status)
    if d(filled):
        [trade] = trades(result.facts)
        assert (trade.price, trade.size, trade.liquidity) == (d("66000"), d(filled), Liquidity.MAKER)
        assert trade.fee == d(filled) * 66000 * d("0.00015")
    else:
        assert (result.facts, result.state) == ((), state)


def test_a_partly_filled_order_fills_the_rest_later() -> None:
    state = resting(an_order("sell", "2", "68000"))
    ref = only_order(state).ref
    state = after(state, through(bids=[("68000", "0.5")]), MatchOrder(ref))
    result = accepted(state, MatchOrder(ref), through(bids=[("69000", "9")]))
    assert fills(result.facts) == rows(("68000", "1.5"))
    assert only_order(result.state).status is OrderStatus.FILLED


def test_a_resting_reduce_only_order_is_clipped_to_what_is_left_of_the_position() -> None:
    state = resting(an_order("sell", "0.5", "68000", reduce_only=True), positions=[a_position("0.5")])
    ref = only_order(state).ref
    state = after(state, a_booked_market(), an_order("sell", "0.3"))
    result = accepted(state, MatchOrder(ref), through(bids=[("68000", "9")]))
    assert fills(result.facts) == rows(("68000", "0.2"))
    order = result.state.orders[ref]
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "reduce_only_canceled")
    assert not result.state.positions["BTC"].is_open


def test_a_resting_reduce_only_order_stays_while_there_is_something_to_reduce() -> None:
    state = resting(an_order("sell", "0.5", "68000", reduce_only=True), positions=[a_position("0.5")])
    result = accepted(state, MatchOrder(only_order(state).ref), through(bids=[("68000", "0.1")]))
    assert only_order(result.state).status is OrderStatus.OPEN


@pytest.mark.parametrize("closing", ["0.5", "0.9"], ids=["closed", "flipped"])
def test_a_resting_reduce_only_order_without_a_position_is_canceled(closing: str) -> None:
    state = resting(an_order("sell", "0.5", "68000", reduce_only=True), positions=[a_position("0.5")])
    ref = only_order(state).ref
    state = after(state, a_booked_market(), an_order("sell", closing))
    result = accepted(state, MatchOrder(ref), through(bids=[("68000", "9")]))
    assert (trades(result.facts), result.state.orders[ref].reason) == ([], "reduce_only_canceled")


def test_a_resting_order_that_the_account_can_no_longer_carry_is_canceled() -> None:
    state = resting(an_order("buy", "1", "66000"), cash="6700")
    result = accepted(replace(state, cash=d("6599")), MatchOrder(only_order(state).ref), through(asks=[("66000", "9")]))
    order = only_order(result.state)
    assert (order.status, order.reason) == (OrderStatus.CANCELED, "margin_canceled")
    assert trades(result.facts) == []


def test_a_resting_order_that_fills_part_of_itself_needs_margin_for_that_and_the_rest() -> None:
    state = resting(an_order("buy", "1", "66000"), cash="6700")
    exact = replace(state, cash=d("6600"))
    result = accepted(exact, MatchOrder(only_order(state).ref), through(asks=[("66000", "0.5")]))
    assert only_order(result.state).filled_size == d("0.5")


def test_a_resting_order_is_checked_at_the_leverage_that_the_position_has_by_then() -> None:
    market = a_booked_market()
    state = after(an_account("1510"), market, an_order("buy", "0.1", "66000", leverage=40))
    ref = only_order(state).ref
    state = after(state, market, an_order("buy", "0.1", leverage=5))
    result = accepted(state, MatchOrder(ref), through(asks=[("66000", "9")]))
    assert result.state.orders[ref].reason == "margin_canceled"
    richer = replace(state, cash=state.cash + 10000)
    result = accepted(richer, MatchOrder(ref), through(asks=[("66000", "9")]))
    assert (result.state.positions["BTC"].size, result.state.positions["BTC"].leverage) == (d("0.2"), 5)


def test_a_resting_order_opens_at_its_own_leverage_where_the_position_was_closed_meanwhile() -> None:
    market = a_booked_market()
    state = after(an_account(), market, an_order("buy", "0.1", "66000", leverage=40))
    ref = only_order(state).ref
    state = after(state, market, an_order("buy", "0.1", leverage=5), an_order("sell", "0.1"))
    result = accepted(state, MatchOrder(ref), through(asks=[("66000", "9")]))
    assert result.state.positions["BTC"].leverage == 40


def test_a_reduce_only_order_never_lacks_margin_nor_lowers_the_leverage() -> None:
    market = a_booked_market()
    state = after(
        an_account("1000"),
        market,
        an_order("buy", "0.05", leverage=5),
        an_order("sell", "0.05", "68000", reduce_only=True),
        an_order("buy", "0.2", leverage=40),
    )
    [ref] = [order.ref for order in state.open_orders()]
    result = accepted(state, MatchOrder(ref), a_market(a_quote("68000", bids=[("68000", "9")])))
    assert fills(result.facts) == rows(("68000", "0.05"))
    assert result.state.positions["BTC"].leverage == 40


def test_a_frozen_accounts_resting_orders_are_left_alone() -> None:
    state = replace(resting(an_order("buy", "1", "66000")), status=AccountStatus.FROZEN)
    result = accepted(state, MatchOrder(only_order(state).ref), through(asks=[("65000", "9")]))
    assert (result.facts, result.state) == ((), state)


@pytest.mark.parametrize("finish", [CancelAllOrders(), None], ids=["canceled", "never was"])
def test_matching_an_order_that_is_gone_does_nothing(finish: Command | None) -> None:
    state = resting(an_order("buy", "1", "66000"))
    ref = only_order(state).ref if finish else 4711
    state = after(state, through(), finish) if finish else state
    result = accepted(state, MatchOrder(ref), through(asks=[("65000", "9")]))
    assert (result.facts, result.state) == ((), state)


def test_resting_orders_do_not_fill_on_a_stale_price() -> None:
    state = resting(an_order("buy", "1", "66000"))
    market = a_market(a_quote("65000", at=NOW - 16 * SECOND))
    assert isinstance(refused(state, MatchOrder(only_order(state).ref), market), MarketUnavailable)


# Decisions


UNLIMITED = RiskLimits(None, None, None, None, None, None, None, None, None)


def a_decision(**values: Any) -> SubmitDecision:
    return SubmitDecision("rsi", "BTC", Action.BUY, "RSI oversold", d("0.8"), facts={"rsi": "28"}, **values)


def decision_in(result: Accepted) -> DecisionRecorded:
    [decision] = [fact for fact in result.facts if isinstance(fact, DecisionRecorded)]
    return decision


def test_a_decision_is_recorded_with_the_order_that_follows_from_it() -> None:
    result = accepted(an_account(limits=UNLIMITED), a_decision(order=an_order()), a_booked_market())
    decision = decision_in(result)
    assert result.facts[0] is decision
    assert result.decision == decision.ref == result.orders[0].decision_ref
    assert decision.order_ref == result.orders[0].ref != decision.ref
    assert decision.outcome == "buy 0.1 filled at 67010"
    assert (decision.confidence, decision.facts, decision.at) == (d("0.8"), {"rsi": "28"}, NOW)


@pytest.mark.parametrize(
    ("order", "outcome"),
    [
        (None, "no order"),
        (an_order("buy", "0.1", "60000"), "order open"),
        (an_order("buy", "0.00001"), "refused, min_trade_ntl_rejected: "),
        (an_order("buy", "9"), "refused, perp_margin_rejected: "),
    ],
)
def test_a_decision_tells_what_became_of_it(order: PlaceOrder | None, outcome: str) -> None:
    result = accepted(an_account(limits=UNLIMITED), a_decision(order=order), a_booked_market())
    decision = decision_in(result)
    assert decision.outcome.startswith(outcome)
    if outcome.startswith("refused"):
        assert (result.orders, decision.order_ref, len(result.facts)) == ((), None, 1)
        assert result.state.orders == {}
        assert result.state.cash == 10000


def test_a_frozen_accounts_decision_is_recorded_but_not_carried_out() -> None:
    state = an_account(status=AccountStatus.FROZEN)
    result = accepted(state, a_decision(order=an_order()), a_booked_market())
    assert decision_in(result).outcome.startswith("refused, account_frozen: ")
    assert result.orders == ()


def test_the_same_decision_is_never_carried_out_twice() -> None:
    market = a_booked_market()
    command = a_decision(order=an_order(), client_decision_id="bar-7")
    first = accepted(an_account(limits=UNLIMITED), command, market)
    again = accepted(first.state, command, market)
    assert again == Accepted(first.state, duplicate=True, decision=first.decision)


# Cash


def test_a_deposit_raises_cash_and_is_no_profit() -> None:
    result = accepted(an_account(), MoveCash(LedgerKind.DEPOSIT, d("500"), "gift"), a_market())
    moved, recorded = result.facts
    assert moved == CashMoved(LedgerKind.DEPOSIT, d("500"), d("10500"), "gift", NOW)
    assert isinstance(recorded, EquityRecorded)
    assert (recorded.point.equity, recorded.point.daily_pnl) == (d("10500"), 0)
    assert result.state.cash == d("10500")


def test_funding_is_profit_or_loss_of_the_day() -> None:
    state = an_account(positions=[a_position("0.1")])
    result = accepted(state, MoveCash(LedgerKind.FUNDING, d("-3.5")), a_market(a_quote()))
    [recorded] = [fact for fact in result.facts if isinstance(fact, EquityRecorded)]
    assert (recorded.point.daily_pnl, recorded.point.daily_return_pct) == (d("-3.5"), d("-0.035"))
    assert result.state.day == replace(state.day, last_equity=d("9996.5"))


def test_what_is_withdrawable_can_be_withdrawn_and_not_a_cent_more() -> None:
    market = a_booked_market()
    state = after(an_account(positions=[a_position("0.5", leverage=5)]), market, an_order("buy", "0.1", "60000"))
    # 10000, less 0.5 * 67000 / 5 of the position, less 0.1 * 60000 / 5 of the order.
    free = d("2100")
    error = refused(state, MoveCash(LedgerKind.WITHDRAWAL, -free - d("0.000001")), market)
    assert isinstance(error, InsufficientMargin)
    result = accepted(state, MoveCash(LedgerKind.WITHDRAWAL, -free), market)
    assert result.state.cash == 10000 - free
    assert result.state.day.net_deposits == 10000 - free


def test_a_tenth_of_the_positions_stays_above_ten_times_leverage() -> None:
    state = an_account(positions=[a_position("1", leverage=40)])
    market = a_market(a_quote("67000"))
    accepted(state, MoveCash(LedgerKind.WITHDRAWAL, d("-3300")), market)
    assert isinstance(refused(state, MoveCash(LedgerKind.WITHDRAWAL, d("-3300.01")), market), InsufficientMargin)


# Equity and days


def test_equity_counts_open_positions_at_their_marks_however_old() -> None:
    state = an_account(positions=[a_position("0.5"), a_position("-2", "3100", "ETH")])
    market = a_market(a_quote("68000", at=NOW - timedelta(days=1)), a_quote("3000", "ETH"))
    [fact] = accepted(state, RecordEquity(), market).facts
    assert isinstance(fact, EquityRecorded)
    assert (fact.point.equity, fact.point.balance) == (d("10700"), d("10000"))
    assert (fact.point.daily_pnl, fact.point.daily_return_pct) == (d("700"), d("7"))


def test_a_symbol_that_never_had_a_price_counts_at_its_entry() -> None:
    [fact] = accepted(an_account(positions=[a_position("0.5")]), RecordEquity(), a_market()).facts
    assert isinstance(fact, EquityRecorded)
    assert fact.point.equity == 10000


def test_a_day_opens_at_midnight_with_the_equity_recorded_last() -> None:
    day = Day(NOW.date(), d("9000"), d("100"), d("9100"))
    state = an_account(positions=[a_position("0.5")], day=day)
    evening = NOW.replace(hour=23, minute=59, second=59)
    up = a_market(a_quote("68000", expires=False))
    state = accepted(state, RecordEquity(), up, evening).state
    assert state.day == Day(NOW.date(), d("9000"), d("100"), d("10500"))
    midnight = evening + SECOND
    result = accepted(state, RecordEquity(), a_market(a_quote("68100", expires=False)), midnight)
    [fact] = result.facts
    assert isinstance(fact, EquityRecorded)
    assert result.state.day == Day(midnight.date(), d("10500"), d(0), d("10550"))
    assert (fact.point.daily_pnl, fact.point.daily_return_pct) == (d("50"), d("0.476190"))


def test_days_without_a_record_are_skipped() -> None:
    later = NOW + timedelta(days=5)
    state = accepted(an_account(), MoveCash(LedgerKind.DEPOSIT, d("50")), a_market(), later).state
    assert state.day == Day(later.date(), d("10000"), d("50"), d("10050"))


def test_an_account_without_capital_has_no_return() -> None:
    [fact] = accepted(an_account("0"), RecordEquity(), a_market()).facts
    assert isinstance(fact, EquityRecorded)
    assert (fact.point.daily_pnl, fact.point.daily_return_pct) == (0, None)


# What was taken from the book


def test_the_same_liquidity_never_fills_twice() -> None:
    market, state = a_booked_market(), an_account(RICH)
    first = accepted(state, an_order("buy", "1.5"), market)
    second = accepted(first.state, an_order("buy", "2"), market)
    assert fills(first.facts) == rows(("67010", "1"), ("67020", "0.5"))
    assert fills(second.facts) == rows(("67020", "1.5"))
    assert refused(second.state, an_order("buy", "1"), market).reason == "market_order_no_liquidity_rejected"
    assert fills(accepted(second.state, an_order("sell", "1"), market).facts) == rows(("66990", "1"))


def test_resting_orders_and_takers_share_the_book() -> None:
    state = resting(an_order("buy", "2", "66000"))
    market = through(asks=[("65990", "1.5"), ("66005", "1")])
    state = after(state, market, MatchOrder(only_order(state).ref))
    assert fills(accepted(state, an_order("buy", "0.5"), market).facts) == rows(("66005", "0.5"))


def test_a_refused_order_takes_nothing_from_the_book() -> None:
    market = a_booked_market()
    refused(an_account("100"), an_order("buy", "1"), market)
    assert fills(accepted(an_account(RICH), an_order("buy", "1"), market).facts) == rows(("67010", "1"))


def test_an_assumed_book_lacks_what_was_taken() -> None:
    market, state = a_market(a_quote("67000")), an_account("100000000")
    whole = accepted(state, an_order("buy", "30"), a_market(a_quote("67000"))).state
    first = accepted(state, an_order("buy", "12"), market)
    second = accepted(first.state, an_order("buy", "18"), market)
    assert second.state.position("BTC", 10).entry_notional == whole.position("BTC", 10).entry_notional
    assert fills(accepted(state, an_order("sell", "1"), market).facts) == rows(("66996", "1"))


def test_a_new_market_brings_a_new_book() -> None:
    state = after(an_account(RICH), a_booked_market(), an_order("buy", "1"))
    assert fills(accepted(state, an_order("buy", "1"), a_booked_market()).facts) == rows(("67010", "1"))


def test_every_refusal_says_something_a_person_can_act_on() -> None:
    market = a_booked_market()
    commands: list[Command] = [
        an_order(symbol="DOGE"),
        an_order("buy", "9"),
        an_order("buy", "1", "67000.5"),
        CancelOrder(1),
        an_order("buy", "1", "60000", time_in_force=IOC),
    ]
    for command in commands:
        error = refused(an_account(), command, market)
        assert isinstance(error, Rejection)
        assert len(error.message) > 20
        assert error.message.endswith(".")


def test_deciding_is_not_narrowed_by_the_callers_arithmetic() -> None:
    state, order = an_account("400000000"), an_order("buy", "5968.12345", "66000.0")
    book, large = [("65999", "5968.12345")], Policies(limit_multiple=30)
    with localcontext(Context(prec=6)):
        narrow = decide(state, order, a_market(a_quote(bids=[], asks=book), instruments=[BTC]), NOW, large)
    wide = decide(state, order, a_market(a_quote(bids=[], asks=book), instruments=[BTC]), NOW, large)
    assert narrow == wide
    assert isinstance(wide, Accepted)
    assert trades(wide.facts)[0].fee == d("177250.580809")


def test_levels_of_a_real_book_are_taken_best_first() -> None:
    assert d(ASKS[0][0]) < d(ASKS[1][0])
    result = accepted(an_account(RICH), an_order("buy", "3"), a_booked_market())
    prices = [price for price, _ in fills(result.facts)]
    assert prices == sorted(prices)


def test_a_fill_after_midnight_opens_the_new_day() -> None:
    midnight = NOW.replace(hour=0) + timedelta(days=1)
    market = a_market(a_quote(bids=[("67000", "9")], asks=[("67000", "9")], expires=False))
    result = accepted(an_account(), an_order("buy", "0.1"), market, midnight)
    fee = d("3.015")
    assert result.state.day == Day(midnight.date(), d("10000"), d(0), 10000 - fee)
    fact = result.facts[-1]
    assert isinstance(fact, EquityRecorded)
    assert (fact.point.equity, fact.point.daily_pnl) == (10000 - fee, -fee)
