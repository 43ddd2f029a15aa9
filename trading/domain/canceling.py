"""Canceling: one order, all of them, and all of them at a deadline."""

from trading.domain.commands import AmendOrder, CancelAfter, CancelAllOrders, CancelOrder
from trading.domain.errors import NotFound, NotOpen
from trading.domain.facts import AccountChanged
from trading.domain.journal import Journal
from trading.domain.orders import Order
from trading.domain.state import AccountState
from trading.domain.values import replace


def named(state: AccountState, command: CancelOrder | AmendOrder) -> Order:
    """Return the order that a command names. Raises `NotFound`, and `NotOpen` where the order is finished."""
    order = state.order_by_client_id(command.client_order_id)
    if command.order_id is not None:
        order = state.orders.get(command.order_id)
    if order is None:
        raise NotFound("This account has no such order; check order_id or client_order_id.")
    if not order.is_active:
        raise NotOpen(order.status)
    return order


def cancel(journal: Journal, command: CancelOrder) -> tuple[Order, ...]:
    canceled = named(journal.state, command).canceled("canceled", journal.now)
    journal.put_order(canceled)
    return (canceled,)


def cancel_all(journal: Journal, command: CancelAllOrders, reason: str = "canceled") -> tuple[Order, ...]:
    """Cancel all orders, those that wait for their trigger too, or those of one symbol."""
    canceled = tuple(
        order.canceled(reason, journal.now)
        for order in journal.state.orders.values()
        if order.is_active and command.symbol in (None, order.symbol)
    )
    journal.put_orders(canceled)
    return canceled


def cancel_after(journal: Journal, command: CancelAfter) -> None:
    """Keep the deadline at which all orders are canceled; a later one replaces it, None takes it away."""
    if command.deadline != journal.state.cancel_after:
        journal.state = replace(journal.state, cancel_after=command.deadline)
        journal.tell(AccountChanged())


def cancel_at_deadline(journal: Journal) -> tuple[Order, ...]:
    """Cancel all orders, if the account's deadline has passed and was not moved."""
    deadline = journal.state.cancel_after
    if deadline is None or deadline > journal.now:
        return ()
    cancel_after(journal, CancelAfter(None))
    return cancel_all(journal, CancelAllOrders(), "scheduled_cancel")
