"""Amending and closing, and the deadline at which all orders are canceled."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.domain.given import (
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
)
from trading.domain.commands import (
    AmendOrder,
    CancelAfter,
    CancelAtDeadline,
    CancelOrder,
    ClosePosition,
    MatchOrder,
)
from trading.domain.enums import AccountStatus, Liquidity, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from trading.domain.facts import AccountChanged, TradeExecuted
from trading.domain.orders import Order
from trading.domain.state import AccountState

LATER = NOW + SECOND
RICH = "1000000"


def resting(state: AccountState | None = None, **values: Any) -> tuple[AccountState, Order]:
    order = an_order(values.pop("side", "buy"), values.pop("size", "1"), values.pop("price", "66000"), **values)
    result = accepted(state or an_account(RICH), order, a_booked_market())
    assert result.orders[0].is_open
    return result.state, result.orders[0]


def an_amendment(order: Order, figures: Mapping[str, str]) -> AmendOrder:
    size, price, trigger_price = (
        d(figures[name]) if name in figures else None for name in ("size", "price", "trigger_price")
    )
    return AmendOrder(order.ref, None, size, price, trigger_price)


def amended(state: AccountState, order: Order, market: Any = None, **figures: Any) -> Order:
    command = an_amendment(order, figures)
    return accepted(state, command, market or a_booked_market(), LATER).orders[0]


def test_it_stays_the_same_order() -> None:
    state, order = resting(client_order_id="mine", leverage=7)
    changed = amended(state, order, price="66100", size="2")
    assert changed == replace(
        order, price=d("66100"), size=d("2"), requeued_at=LATER, updated_at=LATER, queue_ahead=changed.queue_ahead
    )
    by_name = accepted(state, AmendOrder(client_order_id="mine", size=d("2")), a_booked_market(), LATER)
    assert by_name.orders[0].size == 2


@pytest.mark.parametrize(
    ("figures", "keeps"), [({"size": "0.5"}, True), ({"size": "1.5"}, False), ({"price": "66001"}, False)]
)
def test_only_shrinking_keeps_its_place_in_the_queue(figures: dict[str, str], keeps: bool) -> None:
    state, order = resting()
    changed = amended(state, order, **figures)
    assert changed.queued_at == (order.created_at if keeps else LATER)


def test_nothing_new_changes_nothing() -> None:
    state, order = resting()
    result = accepted(state, AmendOrder(order.ref, size=d("1.0"), price=d("66000")), a_booked_market(), LATER)
    assert (result.facts, result.orders) == ((), (order,))


@pytest.mark.parametrize(
    ("price", "filled", "status"), [("67010", "1", "open"), ("67020", "2", "filled"), ("67009", "0", "open")]
)
def test_where_it_now_crosses_it_takes_as_a_new_order_would(price: str, filled: str, status: str) -> None:
    state, order = resting(size="2")
    result = accepted(state, AmendOrder(order.ref, price=d(price)), a_booked_market(), LATER)
    [changed] = result.orders
    assert (changed.filled_size, changed.status) == (d(filled), status)
    trades = [fact for fact in result.facts if isinstance(fact, TradeExecuted)]
    assert all(trade.liquidity is Liquidity.TAKER for trade in trades)
    assert sum((trade.size for trade in trades), d(0)) == d(filled)


def test_a_post_only_order_must_not_cross() -> None:
    state, order = resting(time_in_force=TimeInForce.ALO)
    assert refused(state, AmendOrder(order.ref, price=d("67010")), a_booked_market()).reason == "bad_alo_px_rejected"


@pytest.mark.parametrize(
    ("figures", "reason", "path"),
    [
        ({"size": "0.000001"}, "lot_rejected", "size"),
        ({"size": "0"}, "lot_rejected", "size"),
        ({"price": "66000.5"}, "tick_rejected", "price"),
        ({"trigger_price": "66000"}, "tick_rejected", "trigger_price"),
        ({"size": "0.0001"}, "min_trade_ntl_rejected", "size"),
        ({"size": "9000"}, "max_notional_rejected", "size"),
        ({"size": "400"}, "perp_margin_rejected", "size"),
    ],
)
def test_what_could_not_be_placed_so_is_refused_and_nothing_changes(
    figures: dict[str, str], reason: str, path: str
) -> None:
    state, order = resting()
    command = an_amendment(order, figures)
    error = refused(state, command, a_booked_market())
    assert error.reason == reason
    assert [problem.path for problem in error.fields] == [path]


def test_the_size_must_exceed_what_is_filled() -> None:
    state, order = resting(price="67010", size="2")
    assert order.filled_size == 1
    assert refused(state, AmendOrder(order.ref, size=d("1")), a_booked_market()).reason == "lot_rejected"
    changed = amended(state, order, size="1.5")
    assert (changed.remaining, changed.status) == (d("0.5"), OrderStatus.OPEN)


def test_an_order_is_never_refused_for_margin_where_it_asks_for_less() -> None:
    state, order = resting(an_account("6700"), size="1")
    poor = replace(state, cash=d("100"))
    assert amended(poor, order, size="0.5").size == d("0.5")
    assert amended(poor, order, price="65000").price == d("65000")
    assert refused(poor, AmendOrder(order.ref, price=d("66100")), a_booked_market()).code == "insufficient_margin"


def test_only_orders_that_are_not_finished_can_be_changed() -> None:
    state, order = resting()
    gone = after(state, a_booked_market(), CancelOrder(order.ref))
    assert refused(gone, AmendOrder(order.ref, size=d("2")), a_booked_market()).code == "not_open"
    assert refused(gone, AmendOrder(77, size=d("2")), a_booked_market()).code == "not_found"
    frozen = replace(state, status=AccountStatus.FROZEN)
    assert refused(frozen, AmendOrder(order.ref, size=d("2")), a_booked_market()).code == "account_frozen"


def test_a_trigger_moves_and_its_cap_with_it() -> None:
    state = an_account(RICH, positions=[a_position("0.5")])
    stop = an_order("sell", "0.1", order_type=OrderType.STOP_MARKET, trigger_price=d("66000"))
    result = accepted(state, stop, a_booked_market())
    changed = amended(result.state, result.orders[0], trigger_price="65000", size="0.2")
    assert (changed.trigger_price, changed.price, changed.size) == (d("65000"), d("58500"), d("0.2"))
    assert changed.status is OrderStatus.PENDING_TRIGGER
    wrong = AmendOrder(result.orders[0].ref, trigger_price=d("67000"))
    assert refused(result.state, wrong, a_booked_market()).reason == "bad_trigger_px_rejected"
    priced = AmendOrder(result.orders[0].ref, price=d("65000"))
    assert [p.path for p in refused(result.state, priced, a_booked_market()).fields] == ["price"]


def test_a_size_of_its_own_ends_following_the_position() -> None:
    state = an_account(RICH, positions=[a_position("0.5")])
    stop = an_order("sell", "1", order_type=OrderType.STOP_MARKET, trigger_price=d("66000"), reduce_only=True)
    result = accepted(state, replace(stop, size=None), a_booked_market())
    changed = amended(result.state, result.orders[0], size="0.2")
    assert (changed.size, changed.whole_position) == (d("0.2"), False)
    assert amended(result.state, result.orders[0], size="9").size == d("0.5")


def test_an_amended_order_fills_later_as_maker() -> None:
    state, order = resting()
    result = accepted(state, AmendOrder(order.ref, price=d("66500")), a_booked_market(), LATER)
    market = a_market(a_quote("66400", bids=[], asks=[("66400", "2")], at=LATER + SECOND))
    filled = accepted(result.state, MatchOrder(order.ref), market, LATER + SECOND)
    assert fills(filled.facts) == [(d("66500"), d("1"))]


def test_a_reduce_only_order_that_now_crosses_takes_no_more_than_is_left_to_reduce() -> None:
    held = an_account(RICH, positions=[a_position("0.5")])
    state, order = resting(held, side="sell", size="0.5", price="68000", reduce_only=True)
    state = after(state, a_booked_market(), an_order("sell", "0.3"))
    result = accepted(state, AmendOrder(order.ref, price=d("66990")), a_booked_market(), LATER)
    assert (result.orders[0].filled_size, result.orders[0].status) == (d("0.2"), "filled")
    assert not result.state.positions["BTC"].is_open
    gone = after(state, a_booked_market(), ClosePosition("BTC"))
    assert refused(gone, AmendOrder(order.ref, price=d("66990")), a_booked_market()).reason == "reduce_only_rejected"


# Closing


@pytest.mark.parametrize("size", ["0.5", "-0.5"])
def test_closing_takes_the_whole_position_and_no_more(size: str) -> None:
    state = an_account(RICH, positions=[a_position(size)])
    result = accepted(state, ClosePosition("BTC"), a_booked_market())
    [order] = result.orders
    assert (order.filled_size, order.reduce_only, order.order_type) == (d("0.5"), True, OrderType.MARKET)
    assert order.side is (Side.SELL if d(size) > 0 else Side.BUY)
    assert not result.state.positions["BTC"].is_open
    assert result.state.positions["BTC"].side in PositionSide


def test_what_the_book_does_not_hold_stays() -> None:
    state = an_account(RICH, positions=[a_position("5")])
    result = accepted(state, ClosePosition("BTC"), a_booked_market())
    assert (result.orders[0].reason, result.state.positions["BTC"].size) == ("market_canceled", d("2"))


def test_there_must_be_a_position_to_close() -> None:
    error = refused(an_account(), ClosePosition("BTC"), a_booked_market())
    assert (error.code, error.reason) == ("order_rejected", "reduce_only_rejected")
    assert refused(an_account(), ClosePosition("DOGE"), a_booked_market()).code == "unknown_symbol"


def test_closing_again_under_the_same_id_closes_nothing_new() -> None:
    close = ClosePosition("BTC", client_order_id="c")
    state = after(an_account(RICH, positions=[a_position("0.5")]), a_booked_market(), close)
    state = after(state, a_booked_market(), an_order("buy", "0.1"))
    again = accepted(state, close, a_booked_market())
    assert (again.duplicate, again.facts) == (True, ())
    assert refused(state, replace(close, symbol="ETH"), a_booked_market()).code == "duplicate_client_order_id"


# The deadline


def test_at_the_deadline_all_orders_are_canceled_once() -> None:
    state, order = resting()
    stop = an_order("sell", "0.1", order_type=OrderType.STOP_MARKET, trigger_price=d("66000"))
    state = after(state, a_booked_market(), stop)
    armed = accepted(state, CancelAfter(LATER), a_booked_market())
    assert (armed.state.cancel_after, armed.facts) == (LATER, (AccountChanged(),))
    assert accepted(armed.state, CancelAtDeadline(), a_booked_market(), NOW).facts == ()
    done = accepted(armed.state, CancelAtDeadline(), a_booked_market(), LATER)
    assert {each.reason for each in done.state.orders.values()} == {"scheduled_cancel"}
    assert len(done.orders) == 2
    assert done.state.cancel_after is None
    assert accepted(done.state, CancelAtDeadline(), a_booked_market(), LATER).facts == ()
    assert done.state.orders[order.ref].updated_at == LATER


def test_a_deadline_is_moved_and_taken_away() -> None:
    state = after(an_account(), a_booked_market(), CancelAfter(NOW))
    moved = after(state, a_booked_market(), CancelAfter(LATER))
    assert accepted(moved, CancelAtDeadline(), a_booked_market(), NOW).state.cancel_after == LATER
    gone = accepted(moved, CancelAfter(None), a_booked_market())
    assert gone.state.cancel_after is None
    assert accepted(gone.state, CancelAfter(None), a_booked_market()).facts == ()
