"""Which orders, resting ones and those that wait for their trigger, a price reaches."""

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from django.db import connection

from accounts.models import Account
from trading.desk import Request
from trading.domain.commands import FireTrigger, MatchOrder
from trading.domain.enums import AccountStatus, OrderStatus, OrderType, Side
from trading.domain.market import Market
from trading.domain.queueing import reach
from trading.domain.triggers import fires_falling
from trading.models import Order
from trading.rows import Query

NO_PRICE = 2**63 - 1
"""Micro-USDC, above every price."""
KINDS = [(side, kind, fires_falling(side, kind)) for side in Side for kind in OrderType if kind.is_trigger]
"""Of triggers, and whether they fire when the mark falls."""
_ORDERS = f"""FROM "{Order._meta.db_table}" o JOIN "{Account._meta.db_table}" a
    ON a.id = o.account_id AND a.status = '{AccountStatus.ACTIVE}'"""
_RESTS = f"o.status = '{OrderStatus.OPEN}' AND o.active_at IS NULL"
_WAITS = f"o.status = '{OrderStatus.PENDING_TRIGGER}' AND NOT o.awaits_parent"


def _first(column: str, kind: str, waits: str, *, falling: bool) -> str:
    """Return a query for the price of a kind of order that a symbol's price reaches first: the end of an index."""
    aggregate = "max" if falling else "min"
    table = f'"{Order._meta.db_table}"'
    return f"(SELECT {aggregate}(o.{column}) FROM {table} o WHERE o.instrument_id = %s AND {kind} AND {waits})"  # noqa: S608


# Most prices reach nothing, which these tell: planned once, whatever the prices are.
_first_resting = Query(
    f"""SELECT {_first("price", f"o.side = '{Side.BUY}'", _RESTS, falling=True)},
        {_first("price", f"o.side = '{Side.SELL}'", _RESTS, falling=False)}"""
)
_first_waiting = Query(
    "SELECT "
    + ", ".join(
        _first("trigger_price", f"o.side = '{side}' AND o.order_type = '{kind}'", _WAITS, falling=falling)
        for side, kind, falling in KINDS
    )
)
# One look into the index for each side, or kind of trigger. Joined by OR they would be one condition, for which SQLite
# finds no index; and PostgreSQL has to see the prices to know that few orders are beyond them.
_resting = Query(
    " UNION ALL ".join(
        f"""
        SELECT o.account_id, o.id, o.side, o.price, COALESCE(o.requeued_at, o.triggered_at, o.created_at)
        {_ORDERS}
        WHERE o.instrument_id = %s AND o.side = '{side}' AND o.price {beyond} %s
              AND {_RESTS}
        """
        for side, beyond in ((Side.BUY, ">="), (Side.SELL, "<="))
    ),
    plan_once=False,
)
_waiting = Query(
    " UNION ALL ".join(
        f"""
        SELECT o.account_id, o.id, o.side, o.order_type, o.trigger_price, o.created_at
        {_ORDERS}
        WHERE o.instrument_id = %s AND o.side = '{side}' AND o.order_type = '{kind}'
              AND o.trigger_price {">=" if falling else "<="} %s
              AND {_WAITS}
        """
        for side, kind, falling in KINDS
    ),
    plan_once=False,
)
_on_their_way = Query(
    f"""
    SELECT o.instrument_id, o.account_id, o.id {_ORDERS}
    WHERE o.active_at <= %s AND o.active_at IS NOT NULL AND o.status = '{OrderStatus.OPEN}' ORDER BY o.active_at, o.id
    """
)


def reached(market: Market, symbol: str) -> list[Request]:
    """Return requests to fill the resting orders that a symbol's book now crosses: best price first, then the oldest.

    Orders of frozen accounts rest on. One query, by index, and a second one where the first finds something.
    """
    if symbol not in market.instruments or symbol not in market.quotes:
        return []
    quote = market.quotes[symbol]
    lowest, highest = reach(market.book(quote), quote.trades)
    buys = NO_PRICE if lowest is None else _micro(lowest, ROUND_CEILING)
    sells = 0 if highest is None else _micro(highest, ROUND_FLOOR)
    ((bid, ask),) = _first_resting(symbol, symbol)
    if (bid is None or bid < buys) and (ask is None or ask > sells):
        return []
    rows = _resting(symbol, buys, symbol, sells)
    ranked = sorted(rows, key=lambda row: (row[2], row[3] if row[2] == Side.SELL else -row[3], row[4], row[1]))
    return [Request(row[0], MatchOrder(row[1])) for row in ranked]


def arrived(now: datetime) -> list[tuple[str, Request]]:
    """Return requests to let in the orders whose time on the way is over by `now` (UTC), each with its symbol.

    In the order of arrival. Those of frozen accounts wait on.
    """
    rows = _on_their_way(connection.ops.adapt_datetimefield_value(now))
    return [(symbol, Request(account_id, MatchOrder(pk))) for symbol, account_id, pk in rows]


def triggered(market: Market, symbol: str) -> list[Request]:
    """Return requests to fire the triggers that a symbol's mark has reached: those first that it reached first.

    Those of frozen accounts wait on, and those whose parent is not filled yet. One query, by index, and a second one
    where the first finds something.
    """
    if symbol not in market.instruments or symbol not in market.quotes:
        return []
    mark = market.quotes[symbol].mark
    low, high = _micro(mark, ROUND_CEILING), _micro(mark, ROUND_FLOOR)
    (first,) = _first_waiting(*[symbol] * len(KINDS))
    if not any(
        trigger is not None and (trigger >= low if falling else trigger <= high)
        for trigger, (_, _, falling) in zip(first, KINDS, strict=True)
    ):
        return []
    bounds = (low if falling else high for _, _, falling in KINDS)
    rows = _waiting(*(each for bound in bounds for each in (symbol, bound)))
    ranked = sorted(rows, key=lambda row: (-_beyond(low, *row[2:5]), row[5], row[1]))
    return [Request(row[0], FireTrigger(row[1])) for row in ranked]


def _beyond(mark: int, side: str, order_type: str, trigger: int) -> int:
    """Return how far the mark has gone beyond a trigger, micro-USDC."""
    falling = fires_falling(Side(side), OrderType(order_type))
    return trigger - mark if falling else mark - trigger


def _micro(price: Decimal, rounding: str) -> int:
    """Return a price as the columns hold it: one with more decimals than they is rounded away from what it excludes."""
    return int((price * 1_000_000).to_integral_value(rounding))
