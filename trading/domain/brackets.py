"""Orders that protect others: the stop loss and take profit of an order, and those that follow a position.

A bracket is a reduce-only trigger order of the other side, its size its parent's. It sleeps until the parent is filled,
or ended for want of margin after a part of it was filled; any other end of the parent ends it. Of the two that an order
has, the one that fills ends the other. Reduce-only trigger orders without a size of their own follow the position. When
nothing is left that they could reduce, all of them end. Source: Hyperliquid documentation, "Take profit and stop loss
orders (TP/SL)".
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from trading.domain import triggers
from trading.domain.commands import Bracket, PlaceOrder
from trading.domain.enums import OrderStatus, OrderType, Side, TimeInForce
from trading.domain.facts import OrderChanged
from trading.domain.instruments import Instrument
from trading.domain.journal import Journal
from trading.domain.money import ZERO
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.state import AccountState
from trading.domain.values import replace

TYPES = {
    ("stop_loss", True): OrderType.STOP_MARKET,
    ("stop_loss", False): OrderType.STOP_LIMIT,
    ("take_profit", True): OrderType.TAKE_PROFIT_MARKET,
    ("take_profit", False): OrderType.TAKE_PROFIT_LIMIT,
}
"""By the field's name, and whether it goes to the market."""


def of_command(command: PlaceOrder) -> Iterator[tuple[str, OrderType, Bracket]]:
    """Yield the brackets that come with an order: the field's name, the type of order that it makes, and itself."""
    for name, bracket in (("stop_loss", command.stop_loss), ("take_profit", command.take_profit)):
        if bracket is not None:
            yield name, TYPES[name, bracket.price is None], bracket


def entry(side: Side, price: Decimal | None, trigger: Decimal | None, mark: Decimal) -> Decimal:
    """Return the worst price at which an order may be expected to open, USDC: what its brackets must stand clear of."""
    at = mark if trigger is None else trigger
    if price is None:
        return at
    return min(at, price) if side is Side.BUY else max(at, price)


def check_sides(command: PlaceOrder, mark: Decimal) -> None:
    """Refuse a bracket that would fire as soon as its parent is filled."""
    expected = entry(command.side, command.price, command.trigger_price, mark)
    for name, kind, bracket in of_command(command):
        path = f"{name}.trigger_price"
        triggers.check_side(command.side.other, kind, bracket.trigger_price, expected, path=path, of="entry")


def put(journal: Journal, command: PlaceOrder, parent: Order, policies: Policies) -> tuple[Order, ...]:
    """Place the brackets of an order that was placed just now, as it stands after what it filled."""
    instrument = journal.market.instrument(parent.symbol)
    children = tuple(
        _after(_child(journal.new_ref(), parent, kind, bracket, instrument, policies), parent)
        for _, kind, bracket in of_command(command)
    )
    for child in children:
        journal.put_order(child, created=True)
    return children


def _child(
    ref: int, parent: Order, kind: OrderType, bracket: Bracket, instrument: Instrument, policies: Policies
) -> Order:
    side, trigger = parent.side.other, bracket.trigger_price
    return Order(
        ref=ref,
        symbol=parent.symbol,
        side=side,
        order_type=kind,
        size=parent.size,
        price=bracket.price or triggers.cap(trigger, side, instrument, policies),
        leverage=parent.leverage,
        created_at=parent.updated_at,
        updated_at=parent.updated_at,
        time_in_force=TimeInForce.GTC if bracket.price else TimeInForce.IOC,
        reduce_only=True,
        status=OrderStatus.PENDING_TRIGGER,
        decision_ref=parent.decision_ref,
        trigger_price=trigger,
        parent_ref=parent.ref,
        awaits_parent=True,
    )


def _after(child: Order, parent: Order) -> Order:
    """Return a sleeping bracket as its parent leaves it: asleep still, awake, or canceled."""
    if parent.is_active:
        return child
    if parent.status is OrderStatus.FILLED or (parent.filled_size and parent.reason == "margin_canceled"):
        return replace(child, awaits_parent=False, updated_at=parent.updated_at)
    return child.canceled("parent_canceled", parent.updated_at)


def asleep(state: AccountState, parent_ref: int) -> list[Order]:
    """Return the brackets of an order that still wait for it to be filled."""
    return [order for order in state.orders.values() if order.parent_ref == parent_ref and order.awaits_parent]


def expected_entry(parent: Order, mark: Decimal) -> Decimal:
    """Return where an order that is not finished may be expected to open, USDC."""
    waits = parent.status is OrderStatus.PENDING_TRIGGER
    limit = None if parent.order_type.is_market else parent.price
    return entry(parent.side, limit, parent.trigger_price if waits else None, mark)


def settle(journal: Journal) -> None:
    """Let what a command did to orders and positions take its course with the orders that protect them."""
    _after_parents(journal)
    for symbol in journal.changed_symbols:
        _follow(journal, symbol)


def _after_parents(journal: Journal) -> None:
    """Wake or end the brackets of orders that ended, and end the other one of two of which one was filled."""
    family: dict[int, list[Order]] = {}
    for order in journal.state.orders.values():
        if order.parent_ref is not None and order.is_active:
            family.setdefault(order.parent_ref, []).append(order)
    if not family:
        return
    told = [fact.order for fact in journal.facts if isinstance(fact, OrderChanged)]
    for order in (order for order in told if not order.is_active):
        for child in family.get(order.ref, ()):
            if child.awaits_parent:
                journal.put_order(_after(child, order))
        if order.parent_ref is not None and order.status is OrderStatus.FILLED:
            for sibling in family.get(order.parent_ref, ()):
                journal.put_order(sibling.canceled("sibling_filled_canceled", journal.now))


def _follow(journal: Journal, symbol: str) -> None:
    """End the orders that protected what is no longer there, and give those that follow the position its size."""
    for order in list(_protecting(journal.state.orders.values(), symbol)):
        size = reducible(journal.state, order)
        if not size:
            journal.put_order(order.canceled("reduce_only_canceled", journal.now))
        elif order.whole_position and order.status is OrderStatus.PENDING_TRIGGER and order.size != size:
            journal.put_order(replace(order, size=size, updated_at=journal.now))


def _protecting(orders: Iterable[Order], symbol: str) -> Iterator[Order]:
    for order in orders:
        awake = order.is_active and not order.awaits_parent
        if awake and order.symbol == symbol and order.reduce_only and order.order_type.is_trigger:
            yield order


def reducible(state: AccountState, order: Order) -> Decimal:
    """Return how much an order could reduce the position of its symbol: 0 where there is none of the other side."""
    position = state.positions.get(order.symbol)
    return position.size if position is not None and position.side.closing_side is order.side else ZERO
