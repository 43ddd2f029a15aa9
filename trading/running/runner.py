"""Runs the models that are due. Those that are asked run in threads of their own: the market never waits for one."""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections

from trading.agents import SettingsError, known_agents
from trading.agents.askers import known_askers, make_asker
from trading.agents.asking import Asker
from trading.desk import Answer, Desk, Request
from trading.domain.enums import RunStatus, RunTrigger
from trading.domain.errors import Rejection
from trading.domain.market import Market
from trading.domain.money import ZERO
from trading.lease import Lease, LeaseLost
from trading.models import ModelRun
from trading.running.asking import Asking
from trading.running.claims import Due, claim, expire_lost, finish, record_failure
from trading.running.due import Scheduled, scheduled
from trading.running.fences import ModelFence
from trading.running.holds import failed_hold
from trading.running.rules import Rules
from trading.running.views import priced

logger = logging.getLogger(__name__)
STOPPED_WITHIN_S = 1.0
CarryOut = Callable[[Iterable[Request]], list[Answer]]


class Runner:
    """Begins the runs that are due, of an engine that leads. `clock` gives the engine's time (UTC)."""

    def __init__(self, desk: Desk, lease: Lease, clock: Callable[[], datetime]) -> None:
        self._desk, self._lease, self._clock = desk, lease, clock
        self._askers: dict[tuple[int, str, str], Asker | str] = {}
        """By account, model and settings: who asks, or why nobody can."""
        self._at_work: dict[int, threading.Thread] = {}
        """By account: who asks its model."""
        self._in_time: dict[int, datetime] = {}
        """By account: until when who asks has a place among those at once. One that hangs takes none from others."""
        self._stopping = threading.Event()

    def look(self, rules: Rules, market: Market, now: datetime, carry_out: CarryOut) -> None:
        """Begin what is due at `now`, as far as there is room, and end the runs whose engine was lost.

        Models that are rules run here and now. Raises what `carry_out` raises, and `LeaseLost`.
        """
        fence = ModelFence(self._lease, self._lease.fence)
        for run in expire_lost(fence, self._lease.holder, list(self._at_work), now):
            carry_out(self._told_expired(run, market))
        for each in scheduled({*known_agents(), *known_askers()}):
            try:
                self._begin(each, rules, market, now, fence, carry_out)
            except Rejection:  # the lease is lost, or the database
                raise
            except Exception:
                logger.exception("The model %s failed on account %s", each.model, each.account_id)

    def stop(self) -> None:
        """Let what is under way write nothing any more; whoever leads next tells it as expired."""
        self._stopping.set()
        for thread in list(self._at_work.values()):
            thread.join(STOPPED_WITHIN_S / (1 + len(self._at_work)))
        self._stopping = threading.Event()

    def wait(self, within: float) -> bool:
        """Wait until nobody is asked any more; tell whether that is so."""
        for thread in list(self._at_work.values()):
            thread.join(within)
        return not self._at_work

    def _begin(
        self, each: Scheduled, rules: Rules, market: Market, now: datetime, fence: ModelFence, carry_out: CarryOut
    ) -> None:
        if each.model not in known_askers():
            if each.asked_at is not None:
                self._run_rules(each, rules, market, now, fence, carry_out)
            return
        places = sum(1 for until in list(self._in_time.values()) if now < until)
        if each.account_id in self._at_work or places >= settings.HYPERORU_MODEL_RUNS_AT_ONCE:
            return
        asker = self._asker(each, fence, now)
        marks = {} if asker is None else priced(asker.symbols, market)
        trigger = each.trigger(marks, now) if marks else None
        if asker is None or trigger is None:
            return
        due = Due(each.account_id, each.model, trigger)
        asking = Asking(self._desk, self._lease, fence.number, self._clock, self._stopping)
        thread = threading.Thread(
            target=self._work, args=(asking, due, asker, rules), name=f"model {each.account_id}", daemon=True
        )
        self._at_work[each.account_id] = thread
        self._in_time[each.account_id] = now + timedelta(seconds=settings.HYPERORU_MODEL_RUN_S)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left
            self._leave(each.account_id)
            raise

    def _work(self, asking: Asking, due: Due, asker: Asker, rules: Rules) -> None:
        try:
            asking.run(due, asker, rules.bars)
        except LeaseLost:
            logger.warning("Another engine leads by now; the run of account %s writes nothing", due.account_id)
        except Exception:
            logger.exception("The run of the model %s on account %s failed", due.model, due.account_id)
        finally:
            connections.close_all()
            self._leave(due.account_id)

    def _leave(self, account_id: int) -> None:
        self._in_time.pop(account_id, None)
        self._at_work.pop(account_id, None)

    def _run_rules(
        self, each: Scheduled, rules: Rules, market: Market, now: datetime, fence: ModelFence, carry_out: CarryOut
    ) -> None:
        due = Due(each.account_id, each.model, RunTrigger.HAND)
        run = claim(due, fence, self._lease.holder, now, ZERO, {})
        if run is None:
            return
        status, error = RunStatus.DONE, ""
        try:
            of_run = ModelFence(self._lease, fence.number, run.pk)
            answers = carry_out(rules.by_hand(each.account_id, run.pk, market, of_run))
            error = "; ".join(answer.message for answer in answers if isinstance(answer, Rejection))
        except Rejection:
            raise
        except Exception as failure:
            logger.exception("The model %s failed on account %s", each.model, each.account_id)
            status, error = RunStatus.FAILED, f"{type(failure).__name__}: {failure}"
        finish(run, fence, status, error, now)

    def _asker(self, each: Scheduled, fence: ModelFence, now: datetime) -> Asker | None:
        """Return the account's model, made once for each set of settings; None where they can't be used."""
        key = (each.account_id, each.model, json.dumps(each.model_settings, sort_keys=True))
        is_new = key not in self._askers
        if is_new:
            for other in [known for known in self._askers if known[0] == each.account_id]:
                del self._askers[other]
            try:
                self._askers[key] = make_asker(each.model, each.model_settings)
            except Exception as error:
                if not isinstance(error, SettingsError):
                    logger.exception("The model of account %s can't be made", each.account_id)
                self._askers[key] = f"It can't be run: {error}"
        asker = self._askers[key]
        if not isinstance(asker, str):
            return asker
        if is_new or each.asked_at is not None:  # who asks by hand is told each time
            due = Due(each.account_id, each.model, each.trigger({}, now) or RunTrigger.INTERVAL)
            record_failure(due, fence, now, asker, marks={})
        return None

    def _told_expired(self, run: ModelRun, market: Market) -> list[Request]:
        asker = next((a for (pk, name, _), a in self._askers.items() if (pk, name) == (run.account_id, run.model)), "")
        seen = market.instruments if isinstance(asker, str) else priced(asker.symbols, market)
        symbol = next(iter(seen), None)
        logger.warning("Run %s of the model %s on account %s was lost", run.pk, run.model, run.account_id)
        if symbol is None:
            return []
        why = "the engine that asked the model was lost, or it took too long"
        hold = failed_hold(run.model, symbol, why, f"run:{run.pk}:expired", run_id=run.pk)
        return [Request(run.account_id, hold)]
