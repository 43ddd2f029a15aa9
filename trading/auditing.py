"""The leading engine's reconciliation: each account's rows against its history, a little in each step.

Only what came since the last time is replayed, on top of what agreed then. Where rows that were replayed already are
changed, where the result differs, and once a day, the whole history is replayed before anything is told.
"""

import logging
from collections import deque
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db.models import F, Min, Sum
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import Account, LedgerEntry
from trading.models import Order, Reconciliation, Trade
from trading.reconciling import AccountCheck, from_json, to_json
from trading.signals import housekeeping

logger = logging.getLogger(__name__)
STEP_S = 0.015
"""How long a step of the engine goes on reconciling; a page that was begun is finished."""
PAGE = 100
"""How many rows one look reads: about 5 ms."""
SPAN = 500
"""How many accounts are looked up together."""
WHOLE_EVERY = timedelta(days=1)


class Auditor:
    """Begins a round every `HYPERORU_RECONCILE_EVERY_S` and takes it a little further each time that it is asked to."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._last: int | None = None
        """Up to which account the round went; None between rounds."""
        self._due: deque[int] = deque()
        self._check: AccountCheck | None = None
        self._edits = 0

    @property
    def is_busy(self) -> bool:
        return self._last is not None

    def step(self, now: datetime) -> None:
        """Go on with the round under way, or begin one where it is time. `now` is UTC.

        A round that fails is given up; the next one comes at its time.
        """
        if not self.is_busy:
            if not self._is_time(now):
                return
            self._began, self._last = now, 0
        try:
            until = monotonic() + STEP_S
            while self.is_busy:
                self._go_on(now, until)
                if monotonic() >= until:
                    break
        except BaseException:
            self._last = self._check = None
            self._due.clear()
            raise

    def _go_on(self, now: datetime, until: float) -> None:
        if self._check is None:
            self._check = self._next(now)
        check = self._check
        if check is not None and check.step(until):
            self._check = None
            if check.differences and not check.from_zero:
                self._check = AccountCheck(check.account_id, page=PAGE)  # what was carried may be what is wrong
            else:
                _record(check, self._edits, now)

    def _next(self, now: datetime) -> AccountCheck | None:
        """Return the next account's check; None where the round is over."""
        if not self._due and self._last is not None:
            accounts = Account.objects.filter(pk__gt=self._last).order_by("pk")
            self._due.extend(accounts.values_list("pk", flat=True)[:SPAN])
            Reconciliation.objects.bulk_create(
                [Reconciliation(account_id=pk) for pk in self._due], ignore_conflicts=True
            )
        if not self._due:
            self._last = None
            return None
        self._last = self._due.popleft()
        known = Reconciliation.objects.get(pk=self._last)
        self._edits = known.edits
        if not known.carried or known.whole_at is None or not known.whole_at <= now < known.whole_at + WHOLE_EVERY:
            return AccountCheck(self._last, page=PAGE)
        carried = from_json(known.trade_id, known.entry_id, known.carried)
        return AccountCheck(self._last, carried, known.order_id, page=PAGE)

    def _is_time(self, now: datetime) -> bool:
        every = timedelta(seconds=settings.HYPERORU_RECONCILE_EVERY_S)
        return bool(every) and (self._began is None or not self._began <= now < self._began + every)


def _record(check: AccountCheck, edits: int, now: datetime) -> None:
    """Write down what came of a check, unless rows that it may have read were changed meanwhile; log what is new."""
    rows = Reconciliation.objects.filter(pk=check.account_id)
    told = str(check.first or "")[:300]
    before = rows.values_list("difference", flat=True).first()
    agrees = not check.differences
    carried = check.replay.carried
    values: dict[str, Any] = {
        "trade_id": carried.fill_id if agrees else 0,
        "entry_id": carried.entry_id if agrees else 0,
        "order_id": check.order_id if agrees else 0,
        "carried": to_json(carried) if agrees else {},
        "differences": check.differences,
        "difference": told,
        "checked_at": now,
    }
    if check.from_zero:
        values["whole_at"] = now
    if rows.filter(edits=edits).update(**values) and told and told != before:
        logger.error(
            "Account %d does not agree with its history: %s (differences: %d)",
            check.account_id,
            told,
            check.differences,
        )


def summary() -> dict[str, Any]:
    """Return what the last comparisons found: `ok` is None before the first, `checked_at` the oldest account's."""
    found = Reconciliation.objects.filter(checked_at__isnull=False).aggregate(
        differences=Sum("differences"), checked_at=Min("checked_at")
    )
    differences = found["differences"] or 0
    ok = None if found["checked_at"] is None else not differences
    return {"ok": ok, "differences": differences, "checked_at": found["checked_at"]}


_auditors: "WeakKeyDictionary[object, Auditor]" = WeakKeyDictionary()


@receiver(housekeeping)
def reconcile(sender: object, *, now: datetime, **kwargs: Any) -> None:
    """Let the auditor of an engine go on."""
    _auditors.setdefault(sender, Auditor()).step(now)


@receiver([post_save, post_delete], sender=Trade)
@receiver([post_save, post_delete], sender=LedgerEntry)
def edited(instance: Trade | LedgerEntry, raw: bool = False, created: bool = False, **kwargs: Any) -> None:
    """Let an account whose history was changed be compared from its beginning next time. New rows change none of it."""
    if not created and not raw:
        _forget(instance.account_id)


@receiver(post_delete, sender=Order)
def deleted(instance: Order, **kwargs: Any) -> None:
    _forget(instance.account_id)


def _forget(account_id: int) -> None:
    Reconciliation.objects.filter(pk=account_id).update(
        edits=F("edits") + 1, trade_id=0, entry_id=0, order_id=0, carried={}
    )
