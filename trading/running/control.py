"""What people do about models: ask one now, pause some or all, let them go on."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.models import Account, Status, User
from accounts.services import record_audit
from trading.agents import known_agents
from trading.agents.askers import known_askers
from trading.lease import ENGINE
from trading.models import EngineLease, ModelPause, ModelSchedule
from trading.running.fences import paused_among


@transaction.atomic
def ask(account_ids: Collection[int], now: datetime, actor: User | None = None) -> dict[int, str]:
    """Ask for a run of the accounts' models at `now` (UTC); the engine begins it. Return whose can't run, and why."""
    rows = {row.pk: row for row in _locked(account_ids)}
    paused, known = paused_among(rows), {*known_agents(), *known_askers()}
    refused: dict[int, str] = {}
    for pk in account_ids:
        account = rows.get(pk)
        if account is None:
            refused[pk] = f"There is no account {pk}."
        elif account.model not in known:
            refused[pk] = f"Account {pk} has no model that runs here."
        elif account.status != Status.ACTIVE:
            refused[pk] = f"Account {pk} is frozen."
        elif pk in paused:
            refused[pk] = f"The model of account {pk} is paused."
        else:
            ModelSchedule.objects.update_or_create(pk=pk, defaults={"asked_at": now})
            record_audit(actor=actor, action="ask_model", target=f"account:{pk}", now=now)
    return refused


@transaction.atomic
def pause(account_ids: Collection[int], now: datetime, actor: User | None = None) -> None:
    """Pause the accounts' models: once this returns, nothing that they decide is carried out any more."""
    rows = _locked(account_ids)
    lock_deciding()
    for account in rows:
        ModelSchedule.objects.update_or_create(pk=account.pk, defaults={"paused": True, "asked_at": None})
        record_audit(actor=actor, action="pause_model", target=f"account:{account.pk}", now=now)


@transaction.atomic
def pause_all(now: datetime, reason: str = "", actor: User | None = None) -> None:
    """Pause all models, those of accounts that are opened later too, as `pause` does."""
    lock_deciding()
    ModelPause.objects.update_or_create(pk=1, defaults={"since": now, "reason": reason})
    ModelSchedule.objects.filter(asked_at__isnull=False).update(asked_at=None)
    record_audit(actor=actor, action="pause_models", target="all", detail={"reason": reason}, now=now)


@transaction.atomic
def resume(account_ids: Collection[int], now: datetime, actor: User | None = None) -> None:
    """Let the accounts' models go on, unless all are paused."""
    for pk in ModelSchedule.objects.filter(pk__in=account_ids, paused=True).values_list("pk", flat=True):
        record_audit(actor=actor, action="resume_model", target=f"account:{pk}", now=now)
    ModelSchedule.objects.filter(pk__in=account_ids).update(paused=False)


@transaction.atomic
def resume_all(now: datetime, actor: User | None = None) -> bool:
    """End the pause of all; accounts that were paused by themselves stay so. Tell whether there was one."""
    ended = bool(ModelPause.objects.all().delete()[0])
    if ended:
        record_audit(actor=actor, action="resume_models", target="all", now=now)
    return ended


def lock_deciding() -> None:
    """Wait until what the engine is carrying out is on disk, and let it carry out nothing until this transaction ends.

    Locks are taken in one order everywhere: accounts, the lease, schedules and runs.
    """
    list(EngineLease.objects.select_for_update().filter(pk=ENGINE).values_list("pk"))


def _locked(account_ids: Collection[int]) -> list[Account]:
    return list(Account.objects.select_for_update().filter(pk__in=account_ids, is_house=False).order_by("pk"))
