"""Which models are to run now: by hand, by time, or because the price moved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from accounts.models import Status
from trading.domain.enums import RunStatus, RunTrigger
from trading.models import ModelPause, ModelRun, ModelSchedule


@dataclass(frozen=True, slots=True)
class Scheduled:
    """An account whose model may have to run, with its schedule."""

    account_id: int
    model: str
    model_settings: Any
    every_s: int | None
    move_pct: Decimal | None
    asked_at: datetime | None
    last_run_at: datetime | None
    last_marks: Mapping[str, str]

    def trigger(self, marks: Mapping[str, Decimal], now: datetime) -> RunTrigger | None:
        """Tell why the model is to run at `now` (UTC), None: not yet. `marks` are those of its symbols, USDC."""
        if self.asked_at is not None:
            return RunTrigger.HAND
        last = self.last_run_at
        if self.every_s is not None and not (last and last <= now < last + timedelta(seconds=self.every_s)):
            return RunTrigger.INTERVAL  # also where the clock was set back since
        if self.move_pct is not None and (last is None or self._moved(marks, self.move_pct)):
            return RunTrigger.PRICE
        return None

    def _moved(self, marks: Mapping[str, Decimal], least_pct: Decimal) -> bool:
        for symbol, mark in marks.items():
            before = _decimal(self.last_marks.get(symbol))
            if before and abs(mark - before) * 100 >= least_pct * before:
                return True
        return False


def scheduled(models: Iterable[str]) -> list[Scheduled]:
    """Return the accounts with one of these models that may run: one query.

    First those asked for by hand, then those that wait longest since their last run.
    """
    if ModelPause.objects.exists():
        return []
    rows = (
        ModelSchedule.objects.filter(account__status=Status.ACTIVE, account__model__in=list(models), paused=False)
        .exclude(asked_at=None, every_s=None, move_pct=None)
        .exclude(account__in=ModelRun.objects.filter(status=RunStatus.RUNNING).values("account"))
        .values_list(
            "account_id", "account__model", "account__model_settings", "every_s", "move_pct", "asked_at", "last_run_at",
            "last_marks",
        )
    )  # fmt: skip
    found = [Scheduled(*row) for row in rows]
    return sorted(found, key=_turn)


def _turn(each: Scheduled) -> tuple[bool, float, int]:
    last = each.last_run_at.timestamp() if each.last_run_at else 0.0
    return each.asked_at is None, last, each.account_id


def _decimal(text: object) -> Decimal | None:
    try:
        return None if text is None else Decimal(str(text))
    except InvalidOperation:
        return None
