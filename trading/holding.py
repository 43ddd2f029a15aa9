"""What accounts held at a moment that has passed: what the first fill since found, or the position as it is."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from trading.domain.funding import key
from trading.domain.positions import Position
from trading.models import Trade

SLACK = timedelta(seconds=60)
"""How far the times of two trades may contradict the order of their ids, at the most."""


def traded_since(symbol: str, moment: datetime) -> QuerySet[Trade]:
    """Return the trades of a symbol from `moment` (UTC) on, oldest first, whatever came before it."""
    return Trade.objects.filter(
        instrument=symbol, executed_at__gte=moment, pk__gt=_last_before(moment - SLACK)
    ).order_by("pk")


def held_when_due(
    hours: Mapping[tuple[str, datetime], set[int]], positions: Mapping[int, Mapping[str, Position]]
) -> dict[int, dict[str, Decimal]]:
    """Return the signed sizes that accounts held when hours ended, by account and the key of the hour's funding.

    `hours`: the accounts asked for, by symbol and hour; `positions`: theirs, by symbol, as they are now. The accounts
    must be locked.
    """
    held: dict[int, dict[str, Decimal]] = {}
    for (symbol, hour), ids in hours.items():
        name = key(symbol, hour)
        for account_id in ids & positions.keys():
            position = positions[account_id].get(symbol)
            if position is not None:
                held.setdefault(account_id, {})[name] = position.signed_size
        first: dict[int, Decimal] = {}
        rows: Iterable[tuple[int, Decimal]] = (
            traded_since(symbol, hour).filter(account__in=ids).values_list("account", "start_position")
        )
        for account_id, size in rows:
            first.setdefault(account_id, size)
        for account_id, size in first.items():
            held.setdefault(account_id, {})[name] = size
    return held


def _last_before(moment: datetime) -> int:
    """Return the id of the last trade before a moment, or 0: a few looks by id, however many trades there are."""
    newest = Trade.objects.order_by("-pk").values_list("pk", "executed_at")
    last = newest.first()
    if last is None or last[1] < moment:
        return last[0] if last else 0
    low, high = 0, last[0]
    while low < high:
        middle = (low + high + 1) // 2
        row = newest.filter(pk__lte=middle).first()
        if row is None or row[1] < moment:
            low = middle
        else:
            high = min(row[0], middle) - 1
    return low
