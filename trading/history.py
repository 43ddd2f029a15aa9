"""What was: fills, orders, decisions and the ledger, newest first, a page at a time. Callers check who may see them.

A page is found by two queries, however long the histories are: for each account the newest ids before the cursor, by
its index, and then the rows of the newest among all these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Min, Model, Q, QuerySet

from accounts.models import LedgerEntry
from accounts.models.ledger import Kind
from trading.domain.enums import OrderStatus, PositionSide
from trading.domain.money import CONTEXT
from trading.models import FundingRate, ModelDecision, Order, Trade

Row = TypeVar("Row", bound=Model)
PARTS = 200
"""How many accounts one query looks through: databases bound the parts of a compound statement."""
STATUSES = {
    **{status.value: Q(status=status) for status in OrderStatus},
    "open": Q(status=OrderStatus.OPEN, filled_size=0),
    "partially_filled": Q(status=OrderStatus.OPEN, filled_size__gt=0),
}
"""By the names that clients know."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first, and the cursor of the next page; None where there is none."""

    rows: Sequence[Row]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class Payment:
    """An hour's funding on a position. `rate`: a fraction; `price` and `amount` (received: positive) in USDC.

    `size` is what was held when the hour ended, as the amount tells it.
    """

    symbol: str
    side: PositionSide
    size: Decimal
    rate: Decimal
    price: Decimal
    amount: Decimal
    at: datetime


def trades(account_ids: Sequence[int], *, symbol: str | None, before: int | None, limit: int) -> Page[Trade]:
    """Return fills before a cursor, each with its order."""
    found = Q() if symbol is None else Q(instrument=symbol)
    return _page(Trade.objects.select_related("order"), account_ids, found, before, limit)


def orders(
    account_ids: Sequence[int], *, symbol: str | None, statuses: Sequence[str] | None, before: int | None, limit: int
) -> Page[Order]:
    """Return orders before a cursor. `statuses` as clients know them: `partially_filled` is open with fills."""
    found = Q() if symbol is None else Q(instrument=symbol)
    if statuses is not None:
        found &= reduce(or_, (STATUSES[each] for each in statuses))
    return _page(Order.objects.all(), account_ids, found, before, limit)


def decisions(
    account_ids: Sequence[int], *, symbol: str | None, decision: str | None, before: int | None, limit: int
) -> Page[ModelDecision]:
    """Return decisions before a cursor, each with the order that followed from it: one query more."""
    found = Q() if symbol is None else Q(instrument=symbol)
    if decision is not None:
        found &= Q(decision=decision)
    page = _page(ModelDecision.objects.all(), account_ids, found, before, limit)
    followed = Order.objects.filter(decision__in=[row.pk for row in page.rows]).values_list("decision")
    first = dict(followed.annotate(Min("id")).order_by())
    for row in page.rows:
        row.order_id_at_save = first.get(row.pk)
    return page


def ledger(account_id: int, *, kind: str | None, before: int | None, limit: int) -> Page[LedgerEntry]:
    """Return entries of an account's ledger before a cursor."""
    return _page(LedgerEntry.objects.all(), [account_id], Q() if kind is None else Q(kind=kind), before, limit)


def symbol_of(entry: LedgerEntry) -> str | None:
    """Return what an entry is about: of funding, what was held."""
    return entry.key.split(":")[1] if entry.kind == Kind.FUNDING and entry.key else None


def funding(account_id: int, *, symbol: str | None, before: int | None, limit: int) -> tuple[list[Payment], int | None]:
    """Return payments of funding before a cursor, and the next page's cursor: one query more than a page."""
    found = Q(kind=Kind.FUNDING) if symbol is None else Q(kind=Kind.FUNDING, key__startswith=f"funding:{symbol}:")
    page = _page(LedgerEntry.objects.all(), [account_id], found, before, limit)
    keys = [_settled(entry) for entry in page.rows]
    rates = FundingRate.objects.filter(
        instrument__in={symbol for symbol, _ in keys}, hour__in={hour for _, hour in keys}
    ).select_related("instrument")
    known = {(rate.instrument_id, rate.hour): rate for rate in rates}
    return [_payment(entry, known[key]) for entry, key in zip(page.rows, keys, strict=True)], page.next_cursor


def _settled(entry: LedgerEntry) -> tuple[str, datetime]:
    _, symbol, hour = (entry.key or "").split(":")
    return symbol, datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def _payment(entry: LedgerEntry, rate: FundingRate) -> Payment:
    with localcontext(CONTEXT):
        signed = -entry.amount / (rate.oracle * rate.rate)
        size = round(abs(signed), rate.instrument.size_decimals)
    side = PositionSide.LONG if signed > 0 else PositionSide.SHORT
    return Payment(rate.instrument_id, side, size, rate.rate, rate.oracle, entry.amount, rate.hour)


def _page(rows: QuerySet[Row], account_ids: Sequence[int], found: Q, before: int | None, limit: int) -> Page[Row]:
    newest = _newest(rows.model, account_ids, found, before, limit + 1)
    page = list(rows.filter(pk__in=newest[:limit]).order_by("-pk")) if newest else []
    return Page(page, page[-1].pk if len(newest) > limit else None)


def _newest(model: type[Model], account_ids: Sequence[int], found: Q, before: int | None, limit: int) -> list[int]:
    """Return the newest ids of all accounts together. Each account's are looked up by its index, not all sorted."""
    ids: list[int] = []
    for start in range(0, len(account_ids), PARTS):
        parts: list[str] = []
        parameters: list[Any] = []
        for account_id in account_ids[start : start + PARTS]:
            some = model._default_manager.filter(found, account=account_id)
            if before is not None:
                some = some.filter(pk__lt=before)
            sql, given = some.order_by("-pk").values_list("pk")[:limit].query.sql_with_params()
            parts.append(f"SELECT * FROM ({sql}) AS part")  # noqa: S608  (Django's own text)
            parameters += given
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), parameters)
            ids += [pk for (pk,) in cursor.fetchall()]
    return sorted(ids, reverse=True)[:limit]
