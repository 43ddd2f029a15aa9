"""Triggers that the mark reached: the order goes to the market as any other would."""

from trading.domain import arriving, triggers
from trading.domain.brackets import reducible
from trading.domain.enums import AccountStatus, OrderStatus
from trading.domain.journal import Journal
from trading.domain.orders import Order
from trading.domain.values import replace


def fire(journal: Journal, order_id: int) -> None:
    """Let a stop or take profit go, if the mark is at its trigger: it fills, rests or ends as others of its kind do.

    Does nothing where the order no longer waits, sleeps until its parent is filled, or its account is frozen. What it
    opens must have its margin now: while it waited it held none. An open position keeps its leverage; where there is
    none the order's own counts.
    """
    state, market, now = journal.state, journal.market, journal.now
    order = state.orders.get(order_id)
    if order is None or order.status is not OrderStatus.PENDING_TRIGGER or order.awaits_parent:
        return
    quote = market.quote(order.symbol, now)
    assert order.trigger_price is not None, "it waits for its trigger"
    frozen = state.status is AccountStatus.FROZEN
    if frozen or not triggers.is_reached(order.side, order.order_type, order.trigger_price, quote.mark):
        return
    arriving.enter(journal, _live(journal, order))


def _live(journal: Journal, order: Order) -> Order:
    """Return the order as it goes to the market: one that only reduces is cut to what there is, or canceled."""
    live = replace(order, status=OrderStatus.OPEN, triggered_at=journal.now, updated_at=journal.now)
    if not order.reduce_only:
        return live
    size = reducible(journal.state, order)
    if not size:
        return live.canceled("reduce_only_canceled", journal.now)
    return replace(live, size=size if order.whole_position else min(size, order.size))
