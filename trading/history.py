"""What was: fills, orders, decisions and the ledger, newest first, a page at a time. Callers check who may see them.

A page is found by two queries, however long the histories are and however many the accounts: the newest ids before the
cursor, by indexes alone (see `trading.paging`), and then their rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any, Generic, TypeVar

from django.db.models import Min, Model, QuerySet

from accounts.models import LedgerEntry
from accounts.models.ledger import Kind
from trading.domain.enums import Action, OrderStatus, PositionSide
from trading.domain.money import CONTEXT, MICRO
from trading.models import FundingRate, ModelDecision, Order, Trade
from trading.models.decision import NOT_HOLD
from trading.paging import Lane, newest

Row = TypeVar("Row", bound=Model)
OPEN, PARTIALLY_FILLED = OrderStatus.OPEN.value, "partially_filled"
"""What clients call open orders: those without any fill, and the others."""
OF_SYMBOL = "t.instrument_id || '' = %s"
"""The condition where another index than that of the symbol has less to look through: so none takes it for this one."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first, and the cursor of the next page; None where there is none."""

    rows: Sequence[Row]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class Payment:
    """An hour's funding on a position. `rate`: a fraction; `price` and `amount` (received: positive) in USDC.

    `size` is what was held when the hour ended, as the amount tells it. None where the hour's rate is not kept.
    """

    symbol: str
    amount: Decimal
    at: datetime
    side: PositionSide | None = None
    size: Decimal | None = None
    rate: Decimal | None = None
    price: Decimal | None = None


def trades(account_ids: Sequence[int], *, symbol: str | None, before: int | None, limit: int) -> Page[Trade]:
    """Return fills before a cursor, each with its order."""
    ids = newest(Trade, account_ids, before, limit + 1, lane=_of(symbol))
    return _page(Trade.objects.select_related("order"), ids, limit)


def orders(
    account_ids: Sequence[int], *, symbol: str | None, statuses: Sequence[str] | None, before: int | None, limit: int
) -> Page[Order]:
    """Return orders before a cursor. `statuses` as clients know them: `partially_filled` is open with fills."""
    stored = [status.value for status in OrderStatus]
    conditions, given = list[str](), list[str]()
    if statuses is not None:
        stored = sorted({OPEN if status == PARTIALLY_FILLED else status for status in statuses})
        if (OPEN in statuses) != (PARTIALLY_FILLED in statuses):
            conditions.append(f"(t.status <> '{OPEN}' OR t.filled_size {'=' if OPEN in statuses else '>'} 0)")
    lane = Lane("status", stored)
    if symbol is not None and _may_be_many(stored):
        lane = Lane("instrument_id", [symbol])
        conditions.append(f"t.status IN ({', '.join(['%s'] * len(stored))})")
        given += stored
    elif symbol is not None:
        conditions.append(OF_SYMBOL)
        given.append(symbol)
    ids = newest(Order, account_ids, before, limit + 1, lane=lane, where=" AND ".join(conditions), given=given)
    return _page(Order.objects.all(), ids, limit)


def decisions(
    account_ids: Sequence[int], *, symbol: str | None, decision: str | None, before: int | None, limit: int
) -> Page[ModelDecision]:
    """Return decisions before a cursor, each with the order that followed from it: one query more."""
    lane, where, given = _of(symbol), "", list[str]()
    if decision is not None:
        where, given = "t.decision = %s", [decision]
    if decision not in (None, Action.HOLD):
        # In the words of the index, or it is not found.
        where += f" AND {NOT_HOLD}"
        if symbol is not None:
            lane, where, given = None, f"{where} AND {OF_SYMBOL}", [*given, symbol]
    ids = newest(ModelDecision, account_ids, before, limit + 1, lane=lane, where=where, given=given)
    page = _page(ModelDecision.objects.all(), ids, limit)
    followed = Order.objects.filter(decision__in=[row.pk for row in page.rows]).values_list("decision")
    first = dict(followed.annotate(Min("id")).order_by())
    for row in page.rows:
        row.order_id_at_save = first.get(row.pk)
    return page


def ledger(account_id: int, *, kind: str | None, before: int | None, limit: int) -> Page[LedgerEntry]:
    """Return entries of an account's ledger before a cursor."""
    where, given = ("", []) if kind is None else ("t.kind = %s", [kind])
    ids = newest(LedgerEntry, [account_id], before, limit + 1, where=where, given=given)
    return _page(LedgerEntry.objects.all(), ids, limit)


def symbol_of(entry: LedgerEntry) -> str | None:
    """Return what an entry is about: of funding, what was held."""
    return entry.key.split(":")[1] if entry.kind == Kind.FUNDING and entry.key else None


def funding(account_id: int, *, symbol: str | None, before: int | None, limit: int) -> tuple[list[Payment], int | None]:
    """Return payments of funding before a cursor, and the next page's cursor: one query more than a page."""
    where, given = f"t.kind = '{Kind.FUNDING.value}' AND t.key IS NOT NULL", list[Any]()
    if symbol is not None:
        prefix = f"funding:{symbol}:"
        where, given = f"{where} AND substr(t.key, 1, %s) = %s", [len(prefix), prefix]
    ids = newest(LedgerEntry, [account_id], before, limit + 1, where=where, given=given)
    page = _page(LedgerEntry.objects.all(), ids, limit)
    keys = [_settled(entry) for entry in page.rows]
    rates = FundingRate.objects.filter(
        instrument__in={symbol for symbol, _ in keys}, hour__in={hour for _, hour in keys}
    ).select_related("instrument")
    known = {(rate.instrument_id, rate.hour): rate for rate in rates}
    payments = [_payment(entry, *key, known.get(key)) for entry, key in zip(page.rows, keys, strict=True)]
    return payments, page.next_cursor


def _settled(entry: LedgerEntry) -> tuple[str, datetime]:
    _, symbol, hour = (entry.key or "").split(":")
    return symbol, datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def _payment(entry: LedgerEntry, symbol: str, hour: datetime, rate: FundingRate | None) -> Payment:
    if rate is None or not rate.rate:
        return Payment(symbol, entry.amount, hour)
    with localcontext(CONTEXT):
        signed = -entry.amount / (rate.oracle * rate.rate)
        # Up to 1e-6 was cut off the amount: the size lies in the middle of those that give it.
        size = round(abs(signed) + abs(MICRO / 2 / (rate.oracle * rate.rate)), rate.instrument.size_decimals)
    side = PositionSide.LONG if signed > 0 else PositionSide.SHORT
    return Payment(symbol, entry.amount, hour, side, size, rate.rate, rate.oracle)


def _of(symbol: str | None) -> Lane | None:
    return None if symbol is None else Lane("instrument_id", [symbol])


def _may_be_many(stored: Sequence[str]) -> bool:
    """Tell whether there may be any number of orders of these statuses; of active ones there is a bound."""
    return not {OPEN, OrderStatus.PENDING_TRIGGER.value}.issuperset(stored)


def _page(rows: QuerySet[Row], ids: Sequence[int], limit: int) -> Page[Row]:
    page = list(rows.filter(pk__in=ids[:limit]).order_by("-pk")) if ids else []
    return Page(page, page[-1].pk if len(ids) > limit else None)
