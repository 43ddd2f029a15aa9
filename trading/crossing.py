"""Which orders, resting ones and those that wait for their trigger, a price reaches."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from trading.desk import Request
from trading.domain.commands import FireTrigger, MatchOrder
from trading.domain.enums import AccountStatus, OrderStatus, OrderType, Side
from trading.domain.market import Market
from trading.domain.queueing import reach
from trading.domain.triggers import fires_falling
from trading.models import Order


def reached(market: Market, symbol: str) -> list[Request]:
    """Return requests to fill the resting orders that a symbol's book now crosses: best price first, then the oldest.

    Orders of frozen accounts rest on. One query, by index.
    """
    if symbol not in market.instruments or symbol not in market.quotes:
        return []
    quote = market.quotes[symbol]
    lowest, highest = reach(market.book(quote), quote.trades)
    crossed: list[Q] = []
    if lowest is not None:
        crossed.append(Q(side=Side.BUY, price__gte=lowest))
    if highest is not None:
        crossed.append(Q(side=Side.SELL, price__lte=highest))
    resting = Order.objects.filter(
        instrument=symbol, status=OrderStatus.OPEN, active_at__isnull=True, account__status=AccountStatus.ACTIVE
    )
    since = Coalesce("requeued_at", "triggered_at", "created_at")
    rows = _any_of(resting, crossed, "account_id", "pk", "side", "price", since)
    ranked = sorted(rows, key=lambda row: (row[2], row[3] if row[2] == Side.SELL else -row[3], row[4], row[1]))
    return [Request(row[0], MatchOrder(row[1])) for row in ranked]


def arrived(now: datetime) -> list[tuple[str, Request]]:
    """Return requests to let in the orders whose time on the way is over by `now` (UTC), each with its symbol.

    In the order of arrival. Those of frozen accounts wait on.
    """
    orders = Order.objects.filter(
        status=OrderStatus.OPEN, active_at__lte=now, account__status=AccountStatus.ACTIVE
    ).order_by("active_at", "pk")
    rows = orders.values_list("instrument", "account_id", "pk")
    return [(symbol, Request(account_id, MatchOrder(pk))) for symbol, account_id, pk in rows]


def triggered(market: Market, symbol: str) -> list[Request]:
    """Return requests to fire the triggers that a symbol's mark has reached: those first that it reached first.

    Those of frozen accounts wait on, and those whose parent is not filled yet. One query, by index.
    """
    if symbol not in market.instruments or symbol not in market.quotes:
        return []
    mark = market.quotes[symbol].mark
    crossed = [
        Q(
            side=side,
            order_type=kind,
            **{"trigger_price__gte" if fires_falling(side, kind) else "trigger_price__lte": mark},
        )
        for side in Side
        for kind in OrderType
        if kind.is_trigger
    ]
    waiting = Order.objects.filter(
        instrument=symbol,
        status=OrderStatus.PENDING_TRIGGER,
        awaits_parent=False,
        account__status=AccountStatus.ACTIVE,
    )
    rows = _any_of(waiting, crossed, "account_id", "pk", "side", "order_type", "trigger_price", "created_at")
    ranked = sorted(rows, key=lambda row: (-_beyond(mark, *row[2:5]), row[5], row[1]))
    return [Request(row[0], FireTrigger(row[1])) for row in ranked]


def _beyond(mark: Decimal, side: str, order_type: str, trigger: Decimal) -> Decimal:
    """Return how far the mark has gone beyond a trigger, USDC."""
    falling = fires_falling(Side(side), OrderType(order_type))
    return trigger - mark if falling else mark - trigger


def _any_of(orders: QuerySet[Order], conditions: Sequence[Q], *columns: Any) -> Iterable[tuple[Any, ...]]:
    """Return columns of the orders that meet any of some conditions: one query that looks into the index for each.

    Joined by `OR` they would be one condition, for which SQLite finds no index.
    """
    found = [orders.order_by().filter(condition).values_list(*columns) for condition in conditions]
    return found[0].union(*found[1:], all=True) if found else ()
