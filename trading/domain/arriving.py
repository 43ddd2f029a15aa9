"""Orders that reach the exchange after they were admitted: on their way until then, or waiting for their trigger."""

from trading.domain import taking
from trading.domain.admission import check_margin
from trading.domain.brackets import reducible
from trading.domain.errors import InsufficientMargin, OrderRejected
from trading.domain.journal import Journal
from trading.domain.orders import Order
from trading.domain.values import replace


def arrive(journal: Journal, order: Order) -> None:
    """Let an order in whose time on the way is over. The market may have moved: it fills, rests or ends by that."""
    now = journal.now
    if order.active_at is None or now < order.active_at:
        return
    journal.market.quote(order.symbol, now)
    live = replace(order, active_at=None, requeued_at=now, updated_at=now)
    if live.reduce_only:
        size = reducible(journal.state, live)
        cut = min(live.size, live.filled_size + size)
        live = replace(live, size=cut) if size else live.canceled("reduce_only_canceled", now)
    enter(journal, live)


def enter(journal: Journal, live: Order) -> None:
    """Let an order that was admitted before meet the book as it is now; put it as it stands then.

    What it opens must have its margin now. An open position keeps its leverage; where there is none the order's own
    counts.
    """
    state, market, now = journal.state, journal.market, journal.now
    if not live.is_open:
        journal.put_order(live)
        return
    book = market.book(market.quote(live.symbol, now))
    if taking.would_trade_at_once(live, book):
        journal.put_order(live.canceled("bad_alo_px_canceled", now))
        return
    held = state.position(live.symbol, live.leverage)
    leverage = held.leverage if held.is_open else live.leverage
    final, taken = taking.meet(live, book)
    try:
        check_margin(state, market, final, taken, leverage, journal.policies)
    except (InsufficientMargin, OrderRejected):
        journal.put_order(live.canceled("margin_canceled", now))
        return
    taking.carry_out(journal, final, taken, book, leverage=leverage, created=False)
