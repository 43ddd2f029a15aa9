"""Amending: another size, price or trigger for an order that is not finished. It stays the same order.

An order that asks for more, or at another price, goes to the end of its queue, and meets the book as a new order would.
Where orders take time to the exchange it takes that time anew, and leaves the book at once, as if it were canceled and
placed: nobody trades faster by amending.
"""

from decimal import Decimal

from trading.domain import brackets, gate, taking, triggers
from trading.domain.admission import check_margin
from trading.domain.canceling import named
from trading.domain.commands import AmendOrder
from trading.domain.enums import AccountStatus, OrderStatus
from trading.domain.errors import AccountFrozen, FieldProblem, OrderRejected
from trading.domain.forms import check_amendment
from trading.domain.journal import Journal
from trading.domain.money import ZERO
from trading.domain.orders import Order
from trading.domain.placing import check_notional
from trading.domain.policies import Policies
from trading.domain.values import replace


def amend(journal: Journal, command: AmendOrder, policies: Policies) -> tuple[Order, ...]:
    """Change an order and return it as it stands then; refuse, and change nothing, where it could not be placed so."""
    state, market, now = journal.state, journal.market, journal.now
    order = named(state, command)
    if state.status is AccountStatus.FROZEN:
        raise AccountFrozen
    instrument = market.instrument(order.symbol)
    check_amendment(command, order, instrument)
    amended = _amended(journal, order, command, policies)
    if amended == order:
        return (order,)
    amended = replace(amended, updated_at=now)
    quote = market.quote(order.symbol, now)
    if order.decision_ref is not None:
        gate.check_amended(state, order, amended, market, now, policies)
    if not order.reduce_only:
        price = (amended.trigger_price or quote.mark) if amended.order_type.is_market else amended.price
        check_notional(amended.size * price, instrument, amended.order_type, policies)
    _check_triggers(journal, amended, quote.mark)
    if order.status is OrderStatus.PENDING_TRIGGER:
        journal.put_order(amended)
    else:
        amended = _rejoin(journal, order, amended, policies)
    _resize_brackets(journal, amended)
    return (amended,)


def _amended(journal: Journal, order: Order, command: AmendOrder, policies: Policies) -> Order:
    """Return the order with the figures that are asked for: a reduce-only one's size cut to the position."""
    amended = order
    if command.size is not None:
        size = command.size
        if order.reduce_only:
            size = _cut(journal, order, size)
        amended = replace(amended, size=size, whole_position=False)
    if command.price is not None:
        amended = replace(amended, price=command.price)
    if command.trigger_price is not None and command.trigger_price != order.trigger_price:
        amended = replace(amended, trigger_price=command.trigger_price)
        if order.order_type.is_market:
            instrument = journal.market.instrument(order.symbol)
            limit = triggers.cap(command.trigger_price, order.side, instrument, policies)
            amended = replace(amended, price=limit)
    return amended


def _cut(journal: Journal, order: Order, size: Decimal) -> Decimal:
    there = brackets.reducible(journal.state, order)
    if not there:
        raise OrderRejected(
            f"There is no {order.symbol} position that the order would reduce.",
            reason="reduce_only_rejected",
            fields=[FieldProblem("size", "has no position to reduce")],
        )
    return min(size, order.filled_size + there)


def _check_triggers(journal: Journal, amended: Order, mark: Decimal) -> None:
    """Refuse a trigger, its own or a bracket's, that would fire at once."""
    parent = None if amended.parent_ref is None else journal.state.orders.get(amended.parent_ref)
    trigger = amended.trigger_price
    if trigger is not None and amended.status is OrderStatus.PENDING_TRIGGER:
        if amended.awaits_parent and parent is not None:
            expected, of = brackets.expected_entry(parent, mark), "entry"
        else:
            expected, of = mark, "mark"
        triggers.check_side(amended.side, amended.order_type, trigger, expected, of=of)
    for child in brackets.asleep(journal.state, amended.ref):
        assert child.trigger_price is not None, "a bracket has a trigger"
        expected = brackets.expected_entry(amended, mark)
        triggers.check_side(child.side, child.order_type, child.trigger_price, expected, path="price", of="entry")


def _rejoin(journal: Journal, order: Order, amended: Order, policies: Policies) -> Order:
    """Put an open order back: where it was in its queue if it only shrank, else as a new order that meets the book."""
    state, market, now = journal.state, journal.market, journal.now
    if amended.price == order.price and amended.size <= order.size:
        journal.put_order(amended)
        return amended
    if order.reduce_only:
        amended = replace(amended, size=_cut(journal, order, amended.size))
    book = market.book(market.quote(order.symbol, now))
    if policies.latency.most_ms or order.active_at is not None:
        final, taken = _sent_again(journal, order, amended, policies), taking.NOTHING
    else:
        taking.refuse_crossing(amended, book)
        final, taken = taking.meet(replace(amended, requeued_at=now), book)
    held = state.position(order.symbol, order.leverage)
    leverage = held.leverage if held.is_open else order.leverage
    if taken or state.with_order(final).order_margin() > state.order_margin():
        check_margin(state, market, final, taken, leverage, policies)
    taking.carry_out(journal, final, taken, book, leverage=leverage, created=False)
    return final


def _sent_again(journal: Journal, order: Order, amended: Order, policies: Policies) -> Order:
    """Return an amended order on its way to the exchange; one that was on its way already arrives no sooner."""
    asked = f"{order.created_at.isoformat()} {order.client_order_id or order.body}"
    name = f"{asked} amended {journal.now.isoformat()} {amended.size:f} {amended.price:f}"
    arrives = journal.now + policies.latency.delay(journal.state.id, name)
    return replace(amended, active_at=max(order.active_at or arrives, arrives), queue_ahead=ZERO)


def _resize_brackets(journal: Journal, parent: Order) -> None:
    """Give the brackets that still sleep their parent's size."""
    for child in brackets.asleep(journal.state, parent.ref):
        if child.size != parent.size:
            journal.put_order(replace(child, size=parent.size, updated_at=journal.now))
