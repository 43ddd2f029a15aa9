"""Runs on disk: begun in one transaction with their place in the budget, and ended once.

Every write is under the engine's lease: an engine that lost it writes nothing any more.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import ROUND_UP, Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Sum, When

from accounts.models import Account, Status
from trading.agents.asking import Asked
from trading.domain.enums import RunStatus, RunTrigger
from trading.domain.errors import Rejection
from trading.domain.money import CONTEXT, MICRO, ZERO
from trading.models import ModelRun, ModelSchedule
from trading.running.fences import ModelFence, paused_among

MOST_ERROR = 2_000


class NoRoom(Rejection):
    """The day's budget has no room for what the run may cost: the model is not asked."""

    code = "unavailable"


@dataclass(frozen=True, slots=True)
class Due:
    """An account whose model is to run, and why. `model` is the one that it had when that was found."""

    account_id: int
    model: str
    trigger: RunTrigger


def claim(
    due: Due, fence: ModelFence, holder: str, now: datetime, most_cost: Decimal, marks: Mapping[str, Decimal]
) -> ModelRun | None:
    """Begin a run at `now` (UTC): nobody else begins one of the account until it ends. None where it may not begin.

    That is where one is under way, the account was frozen, its model was paused, or is another one by now. Reserves
    `most_cost`, USD. Raises `NoRoom`, and `LeaseLost` where another engine leads.
    """
    no_room: NoRoom | None = None
    try:
        with transaction.atomic():
            account = Account.objects.select_for_update().filter(pk=due.account_id).first()
            if (lost := fence.lost()) is not None:
                raise lost
            if account is None or account.status != Status.ACTIVE or account.model != due.model:
                return None
            if paused_among([account.pk]) or account.model_runs.filter(status=RunStatus.RUNNING).exists():
                return None
            reserved = _micro(most_cost)
            no_room = _no_room(account.pk, reserved, now)
            _begun(account.pk, now, marks)
            if no_room is None:
                return ModelRun.objects.create(
                    account=account,
                    model=due.model,
                    trigger=due.trigger,
                    status=RunStatus.RUNNING,
                    holder=holder,
                    started_at=now,
                    expires_at=now + timedelta(seconds=settings.HYPERORU_MODEL_RUN_S),
                    reserved=reserved,
                )
    except IntegrityError:  # another one began it: the constraint has the last word
        return None
    raise no_room


def record_failure(
    due: Due, fence: ModelFence, now: datetime, error: str, marks: Mapping[str, Decimal] | None = None
) -> None:
    """Write down that a model failed before it could be asked. Raises `LeaseLost`."""
    with transaction.atomic():
        list(Account.objects.select_for_update().filter(pk=due.account_id).values_list("pk"))
        if (lost := fence.lost()) is not None:
            raise lost
        if marks is not None:
            _begun(due.account_id, now, marks)
        ModelRun.objects.create(
            account_id=due.account_id,
            model=due.model,
            trigger=due.trigger,
            status=RunStatus.FAILED,
            error=plain(error)[:MOST_ERROR],
            started_at=now,
            expires_at=now,
            finished_at=now,
        )


def store_reply(run: ModelRun, fence: ModelFence, asked: Asked, latency_ms: int) -> None:
    """Write down what a model replied and what it cost, before anything follows from it. Raises `LeaseLost`."""
    _update(
        run,
        fence,
        endpoint=plain(asked.endpoint)[:200],
        llm=plain(asked.llm)[:120],
        template=plain(asked.template)[:40],
        prompt=plain(asked.prompt),
        prompt_hash=asked.prompt_hash[:64],
        raw_reply=plain(asked.raw_reply),
        prompt_tokens=asked.prompt_tokens,
        completion_tokens=asked.completion_tokens,
        attempts=asked.attempts,
        cost=_micro(asked.cost),
        reserved=_micro(asked.cost),
        latency_ms=latency_ms if asked.latency_ms is None else asked.latency_ms,
    )


def finish(run: ModelRun, fence: ModelFence, status: RunStatus, error: str, now: datetime) -> None:
    """End a run. Raises `LeaseLost`; one that was told as expired stays so."""
    _update(run, fence, status=status, error=plain(error)[:MOST_ERROR], finished_at=now)


def expire_lost(fence: ModelFence, holder: str, alive: Collection[int], now: datetime) -> list[ModelRun]:
    """End the runs that nobody will end: of another holder, overdue, or no longer in `alive` (accounts).

    What they cost is not known: all that was reserved counts.
    """
    running = ModelRun.objects.filter(status=RunStatus.RUNNING)
    lost = running.filter(~Q(holder=holder) | Q(expires_at__lte=now) | ~Q(account__in=alive))
    if not lost.exists():
        return []
    with transaction.atomic():
        if (refusal := fence.lost()) is not None:
            raise refusal
        rows = list(lost.select_related("account"))
        cost = Case(When(cost__gt=0, then=F("cost")), default=F("reserved"))
        ModelRun.objects.filter(pk__in=[row.pk for row in rows]).update(
            status=RunStatus.EXPIRED, finished_at=now, cost=cost, error="Its engine was lost, or it took too long."
        )
    return rows


def plain(text: str) -> str:
    """Return a text as every database takes it: without NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _update(run: ModelRun, fence: ModelFence, **values: object) -> None:
    with transaction.atomic():
        if (lost := fence.lost()) is not None:
            raise lost
        ModelRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING).update(**values)


def _begun(account_id: int, now: datetime, marks: Mapping[str, Decimal]) -> None:
    ModelSchedule.objects.filter(pk=account_id).update(
        asked_at=None, last_run_at=now, last_marks={symbol: f"{mark:f}" for symbol, mark in marks.items()}
    )


def _no_room(account_id: int, wanted: Decimal, now: datetime) -> NoRoom | None:
    """Tell whether the account's day (UTC) has no room: runs under way count with what they reserved."""
    if not wanted:
        return None
    own = ModelSchedule.objects.filter(pk=account_id).values_list("daily_usd", flat=True).first()
    most: Decimal = settings.HYPERORU_LLM_DAILY_USD if own is None else own
    midnight = datetime.combine(now.date(), time.min, now.tzinfo)
    counted = Case(When(status=RunStatus.RUNNING, then=F("reserved")), default=F("cost"))
    spent = ModelRun.objects.filter(account=account_id, started_at__gte=midnight).aggregate(spent=Sum(counted))["spent"]
    spent = ZERO if spent is None else spent
    if spent + wanted <= most:
        return None
    told = ", ".join(f"{_usd(each)} USD {name}" for each, name in _named(spent, wanted, most))
    return NoRoom(f"The day's budget has no room: {told}.")


def _named(spent: Decimal, wanted: Decimal, most: Decimal) -> Iterable[tuple[Decimal, str]]:
    return (spent, "spent or reserved"), (wanted, "wanted"), (most, "allowed a day")


def _usd(amount: Decimal) -> str:
    return f"{amount.normalize(CONTEXT):f}"


def _micro(amount: Decimal) -> Decimal:
    return amount.quantize(MICRO, ROUND_UP, CONTEXT)
