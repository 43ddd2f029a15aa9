"""Asking one model about one account, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trading.agents.asking import AccountView, Asked, Asker
from trading.desk import Answer, Desk, ExecutionUnknown, Request, Unavailable
from trading.domain.commands import SubmitDecision
from trading.domain.enums import RunStatus
from trading.domain.errors import Rejection
from trading.lease import Lease, LeaseLost
from trading.models import ModelRun
from trading.prices import market_now
from trading.running.claims import Due, NoRoom, claim, finish, record_failure, store_reply
from trading.running.fences import ModelFence
from trading.running.holds import failed_hold
from trading.running.views import Bars, account_view, priced

logger = logging.getLogger(__name__)
TRIES = 3
AGAIN_AFTER_S = 1.0


class Asking:
    """One run, from the claim to the end, under the lease as it was at fence `number`."""

    def __init__(
        self, desk: Desk, lease: Lease, number: int | None, clock: Callable[[], datetime], stopping: threading.Event
    ) -> None:
        self._desk, self._lease, self._clock, self._stopping = desk, lease, clock, stopping
        self._fence = ModelFence(lease, number)

    def run(self, due: Due, asker: Asker, bars: Bars) -> None:
        """Claim a run, ask, and let the desk carry out what comes of it. Whatever the model fails on is on the run.

        Raises `LeaseLost`, and what the database raises: the run then stays as it is until it is told as expired.
        """
        now = self._clock()
        market = market_now(self._desk.board, now)
        marks = priced(asker.symbols, market)
        try:
            view = account_view(due.account_id, asker, bars, market, due.trigger, now)
            most_cost = asker.most_cost(view)
            if not _is_amount(most_cost):
                raise ValueError(f"It may cost {most_cost}, which is no amount.")
        except Exception as error:
            logger.exception("The model %s failed on account %s", due.model, due.account_id)
            record_failure(due, self._fence, now, _told(error), marks)
            return
        try:
            run = claim(due, self._fence, self._lease.holder, now, most_cost, marks)
        except NoRoom as error:
            self._tell_no_room(due, next(iter(marks)), error, now)
            return
        if run is not None:
            self._ask(run, asker, replace(view, run_id=run.pk), next(iter(marks)))

    def _ask(self, run: ModelRun, asker: Asker, view: AccountView, symbol: str) -> None:
        began = time.monotonic()
        try:
            asked = asker.ask(view)
        except Exception as error:
            logger.exception("The model %s failed on account %s", run.model, run.account_id)
            hold = failed_hold(run.model, symbol, _told(error), f"run:{run.pk}:failed")
            # What it cost is not known: all that was reserved counts.
            asked = Asked((hold,), RunStatus.FAILED, _told(error), cost=run.reserved)
        if not _is_amount(asked.cost):
            asked = replace(asked, cost=run.reserved)
        if self._stopping.is_set():
            return
        store_reply(run, self._fence, asked, round((time.monotonic() - began) * 1000))
        fence = ModelFence(self._lease, self._fence.number, run.pk)
        decisions = [_of_run(each, run, view, number) for number, each in enumerate(asked.decisions)]
        answers = self._carry_out([Request(run.account_id, each, fence=fence) for each in decisions])
        problems = [asked.error] if asked.error else []
        for each, answer in zip(decisions, answers, strict=True):
            if isinstance(answer, Rejection):
                problems.append(f"{each.symbol}: {answer.message}")
        status = asked.status if asked.status is not RunStatus.RUNNING else RunStatus.DONE
        if any(isinstance(answer, Rejection) for answer in answers):
            status = RunStatus.FAILED
        finish(run, self._fence, status, "; ".join(problems), self._clock())

    def _carry_out(self, requests: list[Request]) -> list[Answer]:
        """Give decisions to the desk and wait. They have ids: what may have been done is asked for again.

        Raises `LeaseLost`, and `Unavailable` where the database stays away.
        """
        answers: list[Answer] = []
        for attempt in range(TRIES):
            answers = [future.result() for future in [self._desk.submit(request) for request in requests]]
            lost = next((answer for answer in answers if isinstance(answer, LeaseLost)), None)
            if lost is not None:
                raise lost
            if not any(isinstance(answer, Unavailable | ExecutionUnknown) for answer in answers):
                return answers
            if attempt < TRIES - 1 and self._stopping.wait(AGAIN_AFTER_S):
                break
        raise next(answer for answer in answers if isinstance(answer, Unavailable | ExecutionUnknown))

    def _tell_no_room(self, due: Due, symbol: str, error: NoRoom, now: datetime) -> None:
        """Tell that the model was not asked, once an hour at most: the id is the hour's."""
        hold = failed_hold(due.model, symbol, error.message, f"budget:{due.model}:{now:%Y-%m-%dT%H}", decided_at=now)
        fence = ModelFence(self._lease, self._fence.number)
        self._carry_out([Request(due.account_id, hold, fence=fence)])


def _of_run(decision: SubmitDecision, run: ModelRun, view: AccountView, number: int) -> SubmitDecision:
    seen = view.symbols.get(decision.symbol)
    mark = seen.mark if seen is not None else None
    return replace(
        decision,
        run_id=run.pk,
        client_decision_id=decision.client_decision_id or f"run:{run.pk}:{number}",
        decided_at=decision.decided_at or view.at,
        decided_mark=decision.decided_mark if decision.decided_mark is not None else mark,
    )


def _is_amount(cost: Decimal) -> bool:
    return cost.is_finite() and cost >= 0


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
