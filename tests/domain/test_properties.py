"""Whatever is asked of an account, its books balance to the last digit."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import NOW, a_market, an_account, d, trades
from tests.domain.stories import Asked, crowded, often, orders, stories, told
from trading.domain.book import Book, Level, crosses
from trading.domain.commands import PlaceOrder
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.enums import LedgerKind, Liquidity, OrderStatus, Side
from trading.domain.facts import CashMoved, EquityRecorded, OrderChanged, PositionChanged, TradeExecuted
from trading.domain.lifecycle import CANCEL_REASONS, FOLLOWING
from trading.domain.market import Quote
from trading.domain.money import MICRO
from trading.domain.positions import Position, apply_fill
from trading.domain.triggers import is_reached


def values(of: Any) -> Iterator[Any]:
    """Walk everything that a value is made of."""
    if is_dataclass(of) and not isinstance(of, type):
        for field in fields(of):
            yield from values(getattr(of, field.name))
    elif isinstance(of, dict):
        for key, value in of.items():
            yield from values(key)
            yield from values(value)
    elif isinstance(of, tuple | list | set):
        for value in of:
            yield from values(value)
    else:
        yield of


def is_money(amount: Decimal) -> bool:
    return amount == amount.quantize(MICRO)


@given(stories)
def test_equity_is_deposits_and_profits_less_fees_exactly(story: list[Asked]) -> None:
    deposits, funding, profit, fees = d(5_000), d(0), d(0), d(0)
    for step in told(story):
        if isinstance(step.decided, Rejected):
            continue
        for fact in step.decided.facts:
            if isinstance(fact, TradeExecuted):
                profit += fact.pnl or 0
                fees += fact.fee
            elif isinstance(fact, CashMoved):
                funding += fact.amount if fact.kind is LedgerKind.FUNDING else 0
                deposits += 0 if fact.kind is LedgerKind.FUNDING else fact.amount
        after = step.decided.state
        marks = after.marks(step.market)
        unrealised = sum((p.unrealized_pnl(marks[s]) for s, p in after.positions.items() if p.is_open), d(0))
        assert after.equity(step.market) == deposits + profit - fees + funding + unrealised
        assert sum((p.realized_pnl for p in after.positions.values()), d(0)) == profit


@given(stories)
def test_facts_applied_to_the_earlier_account_give_the_later_one(story: list[Asked]) -> None:
    for step in told(story):
        if isinstance(step.decided, Rejected):
            continue
        before, later = step.before, step.decided.state
        cash, day = before.cash, before.day.rolled(step.now)
        orders, positions, filled = dict(before.orders), dict(before.positions), dict(before.positions)
        for fact in step.decided.facts:
            match fact:
                case OrderChanged():
                    assert fact.created == (fact.order.ref not in orders)
                    orders[fact.order.ref] = fact.order
                case PositionChanged():
                    positions[fact.position.symbol] = fact.position
                case TradeExecuted():
                    cash += (fact.pnl or 0) - fact.fee
                    held = filled.get(fact.symbol) or later.positions[fact.symbol]
                    if fact.symbol not in filled:
                        held = replace(held, size=d(0), entry_notional=d(0), realized_pnl=d(0))
                    assert held.signed_size == fact.start_position
                    result = apply_fill(held, fact.side, fact.size, fact.price)
                    assert result.closed_pnl == fact.pnl
                    filled[fact.symbol] = result.position
                case CashMoved():
                    cash += fact.amount
                    assert cash == fact.balance
                    day = day if fact.kind is LedgerKind.FUNDING else day.deposited(fact.amount)
                case EquityRecorded():
                    assert (fact.point.balance, fact.point.equity) == (cash, later.equity(step.market))
                    day = replace(day, last_equity=fact.point.equity)
                    assert day == later.day
        assert (cash, orders, positions) == (later.cash, later.orders, later.positions)
        assert filled.keys() <= later.positions.keys()
        for symbol, position in later.positions.items():
            assert _held(filled.get(symbol, Position(symbol, 1))) == _held(position)


def _held(position: Position) -> tuple[object, ...]:
    """Return what fills alone make of a position; its leverage and margin follow from orders and funding too."""
    return (position.side, position.size, position.entry_notional, position.realized_pnl)


@given(stories)
def test_numbers_are_exact_and_sizes_never_negative(story: list[Asked]) -> None:
    for step in told(story):
        assert not any(isinstance(value, float) for value in values(step.decided))
        state = step.decided.state
        assert is_money(state.cash)
        assert is_money(state.equity(step.market))
        for position in state.positions.values():
            assert position.size >= 0
            assert (position.entry_notional > 0) == position.is_open
            assert is_money(position.entry_notional)
            assert is_money(position.realized_pnl)
            assert position.size == 0 or step.market.instruments[position.symbol].size_is_valid(position.size)
        if isinstance(step.decided, Accepted):
            for trade in trades(step.decided.facts):
                assert all(is_money(amount) for amount in (trade.fee, trade.pnl or d(0), trade.price * trade.size))
                assert step.market.instruments[trade.symbol].size_is_valid(trade.size)


@given(stories)
def test_a_refused_command_changes_nothing(story: list[Asked]) -> None:
    for step in told(story):
        if isinstance(step.decided, Rejected):
            assert step.decided.state is step.before
            for symbol, quote in step.market.quotes.items():
                assert step.left.book(quote) == step.market.book(quote), symbol
            assert step.decided.error.message


@given(stories)
def test_orders_only_go_where_their_status_may_and_equal_their_fills(story: list[Asked]) -> None:
    sizes: dict[int, Decimal] = {}
    notionals: dict[int, Decimal] = {}
    for step in told(story):
        later = step.decided.state
        if isinstance(step.decided, Accepted):
            for trade in trades(step.decided.facts):
                sizes[trade.order_ref] = sizes.get(trade.order_ref, d(0)) + trade.size
                notionals[trade.order_ref] = notionals.get(trade.order_ref, d(0)) + trade.size * trade.price
        assert step.before.orders.keys() <= later.orders.keys()
        for ref, order in step.before.orders.items():
            assert later.orders[ref] == order or later.orders[ref].status in FOLLOWING[order.status]
            assert order.is_active or later.orders[ref] == order
        for ref, order in later.orders.items():
            assert order.filled_size == sizes.get(ref, 0)
            assert order.filled_notional == notionals.get(ref, 0)
            assert 0 <= order.filled_size <= order.size
            assert (order.status is OrderStatus.FILLED) == (order.remaining == 0)
            assert (order.status is OrderStatus.CANCELED) == (order.reason in CANCEL_REASONS)
            if order.status is OrderStatus.PENDING_TRIGGER:
                assert not order.filled_size
                assert order.triggered_at is None


@given(stories)
def test_fills_are_within_the_book_and_the_limit(story: list[Asked]) -> None:
    for step in told(story):
        if isinstance(step.decided, Rejected):
            continue
        for trade in trades(step.decided.facts):
            order, quote = step.decided.state.orders[trade.order_ref], step.market.quotes[trade.symbol]
            against = step.market.book(quote).against(trade.side)
            assert crosses(trade.price, order.price, trade.side)
            reached = sum((level.size for level in against if crosses(level.price, order.price, trade.side)), d(0))
            taken = sum((t.size for t in trades(step.decided.facts)), d(0))
            if trade.liquidity is Liquidity.MAKER:
                assert trade.price == order.price
                assert taken <= max(reached, step.market.prints_of(quote).within(trade.side, order.price))
            else:
                assert taken <= reached
                [level] = [level for level in against if level.price == trade.price]
                assert trade.size <= level.size


@given(st.lists(often((1, orders()), (1, crowded)), min_size=1, max_size=12))
def test_takers_together_never_take_more_than_a_real_book_holds(story: list[PlaceOrder]) -> None:
    book = Book((Level(d(66_990), d("0.5")),), (Level(d(67_010), d("0.3")), Level(d(67_020), d("0.4"))))
    market = a_market(Quote("BTC", d(67_000), NOW, book=book), Quote("ETH", d(3_000), NOW))
    state, taken = an_account("1000000"), dict[tuple[Side, Decimal], Decimal]()
    for command in story:
        decided = decide(state, command, market, NOW)
        state = decided.state
        for trade in trades(decided.facts) if isinstance(decided, Accepted) else ():
            if trade.symbol == "BTC":
                key = (trade.side, trade.price)
                taken[key] = taken.get(key, d(0)) + trade.size
    for (side, price), size in taken.items():
        [level] = [level for level in book.against(side) if level.price == price]
        assert size <= level.size


@given(stories)
@settings(max_examples=50)
def test_the_same_story_is_always_told_the_same(story: list[Asked]) -> None:
    for first, second in zip(told(story), told(story), strict=True):
        assert _plain(first.decided) == _plain(second.decided)
        assert first.left == second.left


def _plain(decided: Accepted | Rejected) -> object:
    if isinstance(decided, Rejected):
        return (decided.state, type(decided.error), decided.error.message)
    return decided


@given(stories)
def test_nobody_opens_more_than_the_account_can_carry(story: list[Asked]) -> None:
    """After an order was filled as taker, what it opened is covered: only its fee may be missing."""
    for step in told(story):
        if not isinstance(step.command, PlaceOrder) or isinstance(step.decided, Rejected):
            continue
        opening = [trade for trade in trades(step.decided.facts) if trade.pnl is None]
        if not opening or step.market.books.get(step.command.symbol) is None:
            continue
        later = step.decided.state
        marks = later.marks(step.market)
        # At the fills' own prices, not at the mark: what stood away from the mark may cost more at once.
        cost = sum(abs(t.price - marks[t.symbol]) * t.size for t in opening) * 2 + sum(t.fee for t in opening)
        used = sum(p.value(marks[s]) / p.leverage for s, p in later.positions.items() if p.is_open)
        assert later.equity(step.market) + cost + MICRO >= used


@given(stories)
def test_what_protects_lives_as_long_as_what_it_protects(story: list[Asked]) -> None:
    for step in told(story):
        state = step.decided.state
        for order in state.orders.values():
            if not order.is_active or not order.order_type.is_trigger or not order.reduce_only:
                continue
            parent = None if order.parent_ref is None else state.orders[order.parent_ref]
            assert order.awaits_parent == (parent is not None and parent.is_active)
            if order.awaits_parent:
                assert parent is not None
                assert order.size == parent.size
                continue
            position = state.positions[order.symbol]
            assert position.is_open
            assert position.side.closing_side is order.side
            if order.whole_position and order.status is OrderStatus.PENDING_TRIGGER:
                assert order.size == position.size


@given(stories)
def test_only_orders_that_fired_hold_margin_and_only_reached_ones_fire(story: list[Asked]) -> None:
    for step in told(story):
        for ref, order in step.decided.state.orders.items():
            before = step.before.orders.get(ref)
            if before is None or before.triggered_at is not None or order.triggered_at is None:
                continue
            assert before.trigger_price is not None
            mark = step.market.quotes[order.symbol].mark
            assert is_reached(order.side, order.order_type, before.trigger_price, mark)
            assert not before.awaits_parent
