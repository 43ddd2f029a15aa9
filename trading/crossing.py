"""Which resting orders a price reaches."""

from django.db.models import Q

from trading.desk import Request
from trading.domain.commands import MatchOrder
from trading.domain.enums import AccountStatus, OrderStatus, Side
from trading.domain.market import Market
from trading.models import Order


def reached(market: Market, symbol: str) -> list[Request]:
    """Return requests to fill the resting orders that a symbol's book now crosses: best price first, then the oldest.

    Orders of frozen accounts rest on. One query, by index.
    """
    if symbol not in market.instruments or symbol not in market.quotes:
        return []
    book = market.book(market.quotes[symbol])
    crossed = Q(pk__in=())
    if book.asks:
        crossed |= Q(side=Side.BUY, price__gte=book.asks[0].price)
    if book.bids:
        crossed |= Q(side=Side.SELL, price__lte=book.bids[0].price)
    orders = Order.objects.filter(
        crossed, instrument=symbol, status=OrderStatus.OPEN, account__status=AccountStatus.ACTIVE
    )
    rows = orders.values_list("account_id", "pk", "side", "price", "created_at")
    ranked = sorted(rows, key=lambda row: (row[2], row[3] if row[2] == Side.SELL else -row[3], row[4], row[1]))
    return [Request(row[0], MatchOrder(row[1])) for row in ranked]
