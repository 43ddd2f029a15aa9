"""A preview says what placing the order then does, and how large it could be."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    refused,
    trades,
)
from tests.domain.stories import Asked, orders, stories, told
from trading.domain import risk
from trading.domain.commands import MatchOrder, PlaceOrder
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.enums import AccountStatus, FillQuality, Liquidity, OrderType, TimeInForce
from trading.domain.errors import Rejection
from trading.domain.fees import fee
from trading.domain.latency import Latency
from trading.domain.market import Market
from trading.domain.money import CONTEXT, round_micro
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.previewing import Outcome, Preview, preview
from trading.domain.state import AccountState


def previewed(state: AccountState, order: PlaceOrder, market: Market, policies: Policies = DEFAULTS) -> Preview:
    return preview(state, order, market, NOW, policies)


def outcome(state: AccountState, order: PlaceOrder, market: Market) -> Outcome:
    told = previewed(state, order, market).outcome
    assert told is not None
    return told


def why_not(state: AccountState, order: PlaceOrder, market: Market, policies: Policies = DEFAULTS) -> Rejection:
    with pytest.raises(Rejection) as caught:
        previewed(state, order, market, policies)
    return caught.value


def same(error: Rejection, other: Rejection) -> bool:
    def parts(each: Rejection) -> Any:
        return type(each), each.code, each.message, each.reason, each.fields

    return bool(parts(error) == parts(other))


def check(told: Preview, state: AccountState, decided: Accepted, market: Market) -> None:
    """Hold a preview against what was done."""
    would, order, after = told.outcome, decided.orders[0], decided.state
    assert would is not None
    done = trades(decided.facts)
    rests = order.remaining if order.is_active else d(0)
    waits_at = order.trigger_price or order.price if order.order_type.is_market else order.price
    assert (would.filled_size, would.resting_size) == (order.filled_size, rests)
    assert would.average_price == order.average_price
    assert would.notional == sum(trade.price * trade.size for trade in done) + rests * waits_at
    fees = {fee(waits_at, rests, state.fee_rates.rate(each)) for each in Liquidity}
    assert would.fee - sum(trade.fee for trade in done) in fees
    assert would.fill_quality == (done[0].fill_quality if done else None)
    with localcontext(CONTEXT):
        assert would.withdrawable_after == risk.withdrawable(after, market)
    assert told.leverage == order.leverage
    assert told.mark_price == market.quotes[order.symbol].mark
    position = after.positions.get(order.symbol)
    if position is None or not position.is_open:
        assert would.liquidation_price is None
    else:
        instrument = market.instruments[order.symbol]
        with localcontext(CONTEXT):
            pool = risk.pool_with(after, order.symbol, market)
            assert would.liquidation_price == pool.liquidation_price(position, told.mark_price, instrument)
    if done:
        assert told.fee_rate == state.fee_rates.taker
        assert would.average_price is not None
        assert would.slippage_pct is not None
        worse = (would.average_price - told.mark_price) * order.side.sign
        assert abs(would.slippage_pct - worse / told.mark_price * 100) <= d("0.000001")


@given(stories)
def test_it_says_what_placing_the_order_then_does(story: list[Asked]) -> None:
    for step in told(story):
        order = step.command
        if not isinstance(order, PlaceOrder) or step.policies.latency.most_ms:
            continue
        order = replace(order, client_order_id=None)
        market = step.market.copy()
        decided = decide(step.before, order, market.copy(), step.now, step.policies)
        if isinstance(decided, Rejected):
            with pytest.raises(type(decided.error)) as caught:
                preview(step.before, order, market, step.now, step.policies)
            if not (order.size is None and not order.reduce_only):
                assert same(caught.value, decided.error)
            continue
        said = preview(step.before, order, market, step.now, step.policies)
        check(said, step.before, decided, market)


@given(stories, orders(), st.booleans())
def test_the_greatest_size_is_accepted_and_a_lot_more_is_not(
    story: list[Asked], order: PlaceOrder, without_size: bool
) -> None:
    *_, last = list(told(story))
    state, market, now, rules = last.decided.state, last.left, last.now, last.policies
    order = replace(order, size=None if without_size else order.size, client_order_id=None)
    try:
        most = preview(state, order, market, now, rules).max_size
    except Rejection:
        return
    lot = d(1).scaleb(-market.instruments[order.symbol].size_decimals)

    def decided(size: Decimal) -> Accepted | Rejected:
        return decide(state, replace(order, size=size), market.copy(), now, rules)

    if most:
        assert isinstance(decided(most), Accepted)
    if not order.reduce_only:
        assert isinstance(decided(most + lot), Rejected)
        return
    held = state.positions[order.symbol].size
    if isinstance(decided(held), Accepted):
        assert most == held
    else:  # it lowers the leverage of what it leaves, or would, to more than there is margin for
        assert most < held
        assert isinstance(decided(most + lot), Rejected)


@given(stories, orders())
def test_nothing_is_taken_and_nothing_changes(story: list[Asked], order: PlaceOrder) -> None:
    *_, last = list(told(story))
    state, market = last.decided.state, last.left
    before, books = deepcopy(state), deepcopy((market.books, market.taken, market.prints))
    try:
        first: Preview | str = preview(state, order, market, last.now, last.policies)
    except Rejection as error:
        first = error.message
    try:
        again: Preview | str = preview(state, order, market, last.now, last.policies)
    except Rejection as error:
        again = error.message
    assert first == again
    assert state == before
    kept = {symbol: book for symbol, book in market.books.items() if symbol in books[0]}
    assert (kept, market.taken, market.prints) == books


# Worked examples


def test_a_market_order_walks_the_book() -> None:
    market = a_booked_market()
    told = previewed(an_account("100000"), an_order(size="1.5", leverage=20), market)
    would = told.outcome
    assert would is not None
    notional = d("67010") + d("0.5") * 67020
    assert (would.notional, would.filled_size, would.resting_size) == (notional, d("1.5"), d(0))
    assert would.average_price == (notional / d("1.5")).quantize(d("1e-10"))
    assert would.fee == d("67010") * d("0.00045") + d("33510") * d("0.00045")
    assert would.margin_required == notional / 20
    assert would.slippage_pct == d("0.019900")
    assert (told.fee_rate, told.leverage, told.mark_price) == (d("0.00045"), 20, d(67000))
    assert would.fill_quality is FillQuality.BOOK


def test_an_order_that_rests_pays_as_a_maker_and_holds_margin() -> None:
    told = previewed(an_account(), an_order(size="0.5", price="66000"), a_booked_market())
    would = told.outcome
    assert would is not None
    assert (would.notional, would.fee, told.fee_rate) == (d("33000"), d("4.95"), d("0.00015"))
    assert (would.filled_size, would.resting_size, would.margin_required) == (d(0), d("0.5"), d(3300))
    assert (would.average_price, would.slippage_pct, would.fill_quality) == (None, None, None)
    assert would.liquidation_price is None
    assert would.withdrawable_after == d(6700)


def test_an_order_that_fills_in_part_pays_both_ways() -> None:
    would = outcome(an_account(), an_order(size="1.2", price="67010"), a_booked_market())
    assert (would.filled_size, would.resting_size) == (d(1), d("0.2"))
    assert would.fee == fee(d(67010), d(1), d("0.00045")) + fee(d(67010), d("0.2"), d("0.00015"))
    assert would.margin_required == d(67010) * d("1.2") / 10


@pytest.mark.parametrize(
    ("kind", "price", "time_in_force", "rate"),
    [
        (OrderType.STOP_MARKET, None, None, "0.00045"),
        (OrderType.STOP_LIMIT, "68100", None, "0.00045"),
        (OrderType.STOP_LIMIT, "67900", None, "0.00015"),
        (OrderType.STOP_LIMIT, "67900", TimeInForce.IOC, "0.00045"),
        (OrderType.STOP_LIMIT, "68100", TimeInForce.ALO, "0.00015"),
    ],
)
def test_a_trigger_waits_and_holds_nothing(
    kind: OrderType, price: str | None, time_in_force: TimeInForce | None, rate: str
) -> None:
    order = an_order(size="0.1", price=price, order_type=kind, trigger_price=d(68000), time_in_force=time_in_force)
    told = previewed(an_account(), order, a_booked_market())
    would = told.outcome
    assert would is not None
    assert (would.filled_size, would.resting_size, would.margin_required) == (d(0), d("0.1"), d(0))
    assert (would.notional, told.fee_rate) == (d(price or 68000) / 10, d(rate))
    assert would.fee == fee(d(price or 68000), d("0.1"), d(rate))


def test_a_stop_that_follows_the_position_needs_no_size() -> None:
    state = an_account(positions=[a_position("0.3")])
    order = an_order("sell", order_type=OrderType.STOP_MARKET, trigger_price=d(60000), reduce_only=True)
    told = previewed(state, replace(order, size=None), a_booked_market())
    assert told.outcome is not None
    assert (told.outcome.resting_size, told.max_size) == (d("0.3"), d("0.3"))


def test_without_a_size_only_what_needs_none_is_told() -> None:
    told = previewed(an_account("6700"), replace(an_order(leverage=10), size=None), a_booked_market(mark="67000"))
    assert told == Preview(d("0.00045"), 10, told.max_size, d(67000))
    assert d("0.9") < told.max_size < 1
    lone = replace(an_order(price="60000", leverage=10), size=None)
    assert previewed(an_account("6000"), lone, a_booked_market()).max_size == d(1)


def test_it_is_as_large_as_the_market_allows_for_one_order() -> None:
    market = a_market(a_quote("60000"))
    told = previewed(an_account("1000000000"), an_order(), market)
    assert told.max_size == d(250)  # 15,000,000 USDC
    assert previewed(an_account("1000000000"), an_order(price="50000"), market).max_size == d(3000)


def test_a_close_frees_the_margin_for_the_other_side() -> None:
    state = an_account("1000", positions=[a_position("0.1", leverage=10)])
    market = a_market(a_quote("67000"))
    assert previewed(state, an_order("buy", "0.01"), market).max_size < d("0.05")
    assert previewed(state, an_order("sell", "0.01"), market).max_size > d("0.2")
    assert previewed(state, an_order("sell", "0.01", reduce_only=True), market).max_size == d("0.1")


def test_where_no_size_has_the_margin_the_greatest_is_0() -> None:
    state = an_account("0.5")
    assert previewed(state, replace(an_order(), size=None), a_booked_market()).max_size == 0
    assert why_not(state, an_order(), a_booked_market()).code == "insufficient_margin"


def test_a_reduction_at_a_leverage_that_nobody_can_afford_has_no_size() -> None:
    state = an_account("5000", positions=[a_position("-1", leverage=20)])
    reduction = an_order("buy", "1", "60000", reduce_only=True, leverage=1)
    for size in ("0.00001", "0.5", "1", "2"):
        order = replace(reduction, size=d(size))
        refusal = refused(state, order, a_market(a_quote()))
        assert refusal.code == "insufficient_margin"
        assert same(why_not(state, order, a_market(a_quote())), refusal)
    assert previewed(state, replace(reduction, size=None), a_market(a_quote())).max_size == 0
    assert previewed(state, replace(reduction, size=None, leverage=20), a_market(a_quote())).max_size == 1


def test_what_no_size_mends_is_refused_without_one_too() -> None:
    market, state = a_booked_market(), an_account()
    frozen = an_account(status=AccountStatus.FROZEN)
    for of, order in (
        (frozen, an_order()),
        (state, an_order(symbol="DOGE")),
        (state, an_order(price="67000.55")),
        (state, an_order(price="67010", time_in_force=TimeInForce.ALO)),
        (state, an_order(price="66000", time_in_force=TimeInForce.IOC)),
        (state, an_order(reduce_only=True)),
        (state, an_order(leverage=41)),
        (state, an_order(decision_id=7)),
    ):
        error = refused(of, order, market.copy())
        assert same(why_not(of, order, market), error)
        assert same(why_not(of, replace(order, size=None), market), error)
    old = replace(market, quotes={"BTC": a_quote(at=NOW.replace(hour=11))})
    assert why_not(state, replace(an_order(), size=None), old).code == "market_unavailable"


def test_a_client_id_names_no_order() -> None:
    market = a_booked_market()
    state = accepted(an_account(), an_order(client_order_id="mine"), market).state
    other = an_order("sell", "0.05", client_order_id="mine")
    assert refused(state, other, market).code == "duplicate_client_order_id"
    assert outcome(state, other, market).filled_size == d("0.05")


def test_an_order_on_its_way_is_told_as_if_it_arrived_now() -> None:
    rules, market = Policies(latency=Latency(50, 500)), a_booked_market()
    state = an_account("100000")
    for order in (an_order(), an_order(price="66000"), an_order("sell", "9", price="66980", leverage=40)):
        told = previewed(state, order, market, rules)
        left = market.copy()
        on_its_way = accepted(state, order, left, policies=rules)
        arrival = on_its_way.orders[0].active_at
        assert arrival is not None
        arrived = accepted(on_its_way.state, MatchOrder(-1), left, arrival, rules)
        check(told, state, replace(arrived, orders=(arrived.state.orders[-1],)), market)


def test_margin_is_what_a_refusal_would_say_is_needed() -> None:
    market, order = a_booked_market(), an_order(size="2", leverage=10)
    needed = outcome(an_account("100000"), order, market).margin_required
    error = refused(an_account(str(needed - d("0.000001"))), order, market)
    assert f"needs {round_micro(needed):f} USDC" in error.message
