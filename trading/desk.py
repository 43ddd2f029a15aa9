"""The desk: the one way in which accounts change.

Whoever wants something of an account gives a request; the desk takes many at once, lets the decider decide each, writes
all of them in one transaction and answers. While one batch commits the next one gathers: no waiting at low load, group
commit at high load.
"""

import logging
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.models.signals import post_save
from django.utils import timezone

from trading import signals, storage
from trading.authority import Actor, Authority
from trading.domain.commands import Command
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.errors import NotFound, Rejection
from trading.domain.facts import Fact
from trading.domain.latency import Latency
from trading.domain.market import Market
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.state import AccountState
from trading.domain.values import replace
from trading.limits import AccountLimits
from trading.market.board import Board, board
from trading.prices import market_now
from trading.reading import refresh_connections

logger = logging.getLogger(__name__)
RETRIES = 3


class Unavailable(Rejection):
    """The database could not be reached or did not take the batch. Nothing was done."""

    code = "unavailable"


class Failed(Rejection):
    """The database refused what the rules had allowed: a fault of the server's, and the same again next time."""

    code = "internal"


class ExecutionUnknown(Rejection):
    """The database was lost while it committed: the outcome must be asked for by `client_order_id`."""

    code = "execution_unknown"


class Fence(Protocol):
    def refusals(self, account_ids: Collection[int]) -> Mapping[int, Rejection]:
        """Return whose requests may not be carried out any more, and why."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command for an account. `actor` None: the house itself (the engine, a service): it may do anything, any number.

    `fence` is asked inside the transaction whether the command may still be carried out (the engine's lease).
    """

    account_id: int
    command: Command
    actor: Actor | None = None
    fence: Fence | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A command that was carried out and is on disk. `orders` carry their ids; `duplicate`: nothing new was done."""

    account_id: int
    orders: tuple[Order, ...] = ()
    duplicate: bool = False
    decision_id: int | None = None


Answer = Done | Rejection


class Desk:
    """Executes requests, one batch after the other. `execute` in the caller's thread, `submit` in the desk's own."""

    def __init__(self, board: Board, clock: Callable[[], datetime] = timezone.now) -> None:
        self.board = board
        self.clock = clock
        self.limits = AccountLimits()
        self._queue: queue.SimpleQueue[tuple[Request, Future[Answer]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> "Future[Answer]":
        """Queue a request and return at once; the future's result is a `Done` or the `Rejection`, after the commit."""
        future: Future[Answer] = Future()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
                self._thread.start()
            self._queue.put((request, future))
        return future

    def close(self, within: float | None = None) -> bool:
        """Finish what is queued and end the desk's thread; a later `submit` starts it again.

        Returns whether it has ended; one that has not `within` so many seconds is left to itself.
        """
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join(within)
        return thread is None or not thread.is_alive()

    def execute(self, requests: Sequence[Request]) -> list[Answer]:
        """Carry out requests in their order, all in one transaction, and return their answers after the commit.

        A request that is refused changes nothing and keeps no other from being carried out. Should the database refuse
        the batch, each request is tried alone.
        """
        if not requests:
            return []
        try:
            return self._execute_with_retries(requests)
        except (DatabaseError, ValidationError):  # the fields refuse a number that they can't hold exactly
            if len(requests) == 1:
                logger.exception("The database refused a request")
                return [Failed("The server could not store what was asked; nothing was done. It has been logged.")]
            logger.exception("The database refused a batch of %d; trying each alone", len(requests))
        return [answer for request in requests for answer in self.execute([request])]

    def _execute_with_retries(self, requests: Sequence[Request]) -> list[Answer]:
        for attempt in range(RETRIES):
            commit = _Commit()
            try:
                return self._execute_once(requests, commit)
            except (OperationalError, InterfaceError) as error:
                if commit.begun:
                    logger.exception("The database was lost during a commit")
                    unknown = "The database was lost while it committed; ask for the order by its client_order_id."
                    return [ExecutionUnknown(unknown) for _ in requests]
                if attempt == RETRIES - 1:
                    return [_unavailable() for _ in requests]
                logger.warning("The database failed (%s); trying again", error)
                refresh_connections()
        raise AssertionError("unreachable: the last attempt returns")

    def _execute_once(self, requests: Sequence[Request], commit: "_Commit") -> list[Answer]:
        now = self.clock()
        with _answering_after_commit(commit), self.limits.charging() as charges, transaction.atomic():
            loaded = storage.load([(r.account_id, r.command) for r in requests], now)
            authority = Authority([(r.actor, r.account_id) for r in requests if r.actor], loaded.owners, now)
            refusals = _fenced(requests)
            market, rules = market_now(self.board, now), policies()
            states, told, answers = dict(loaded.states), list[tuple[int, Fact]](), list[Accepted | Rejection]()
            for request in requests:
                state = states.get(request.account_id)
                refusal = refusals.get((id(request.fence), request.account_id)) if refusals else None
                if refusal is None and request.actor is not None:
                    refusal = authority.refusal(request.actor, request.account_id)
                if refusal is None and state is None:
                    refusal = NotFound(f"There is no account {request.account_id}.")
                if refusal is None and request.actor is not None:
                    refusal = charges.refusal(request.account_id, request.command)
                if refusal is not None or state is None:
                    answers.append(refusal or NotFound(""))
                    continue
                decided = decide(state, request.command, market, now, rules)
                states[request.account_id] = decided.state
                told += [(request.account_id, fact) for fact in decided.facts]
                if isinstance(decided, Rejected):
                    answers.append(decided.error)
                    continue
                told += _taken_over(decided, loaded.house, states, market, now, rules)
                answers.append(decided)
            written = storage.write(told, loaded, states)
            with signals.batch(now):
                for row, created in written.rows:
                    post_save.send(
                        type(row), instance=row, created=created, raw=False, using="default", update_fields=None
                    )
            commit.begun = True
            charges.settle()
        self.board.keep(market)
        return [
            answer if isinstance(answer, Rejection) else _done(request.account_id, answer, written)
            for request, answer in zip(requests, answers, strict=True)
        ]

    def _work(self) -> None:
        """Take all that waits, up to a batch, execute it, answer, and again."""
        try:
            while True:
                first = self._queue.get()
                batch = [first] if first is not None else []
                stopping = first is None
                while not stopping and len(batch) < settings.HYPERORU_BATCH_SIZE and not self._queue.empty():
                    item = self._queue.get()
                    stopping = item is None
                    if item is not None:
                        batch.append(item)
                self._answer(batch)
                if stopping:
                    return
        finally:
            connections.close_all()

    def _answer(self, batch: Sequence[tuple[Request, "Future[Answer]"]]) -> None:
        live = [(request, future) for request, future in batch if future.set_running_or_notify_cancel()]
        self._answer_live(live)

    def _answer_live(self, live: Sequence[tuple[Request, "Future[Answer]"]]) -> None:
        """Execute a batch; should it fail, nothing of it was done, and each request is tried alone."""
        try:
            refresh_connections()
            answers = self.execute([request for request, _ in live])
        except Exception as error:
            logger.exception("The desk failed on a batch of %d", len(live))
            if len(live) == 1:
                live[0][1].set_exception(error)
                return
            for each in live:
                self._answer_live([each])
            return
        for (_, future), answer in zip(live, answers, strict=True):
            future.set_result(answer)


@dataclass(slots=True)
class _Commit:
    """Tells whether a failure came while the transaction was being committed."""

    begun: bool = False


@contextmanager
def _answering_after_commit(commit: _Commit) -> Iterator[None]:
    """Let what others hung on the commit fail without taking the answers along: what was done is done."""
    try:
        yield
    except DatabaseError:
        raise
    except Exception:
        if not commit.begun:
            raise
        logger.exception("What was to follow a commit failed; the commit stands")


def _fenced(requests: Sequence[Request]) -> dict[tuple[int, int], Rejection]:
    """Ask each fence once; return the refusals by the fence's identity and the account."""
    asks: dict[int, tuple[Fence, set[int]]] = {}
    for request in requests:
        if request.fence is not None:
            asks.setdefault(id(request.fence), (request.fence, set()))[1].add(request.account_id)
    return {(key, pk): no for key, (fence, ids) in asks.items() for pk, no in fence.refusals(ids).items()}


def _taken_over(
    given: Accepted,
    house: int | None,
    states: dict[int, AccountState],
    market: Market,
    now: datetime,
    rules: Policies,
) -> list[tuple[int, Fact]]:
    """Let the house take what a liquidation gives it, in the same transaction; return the facts of its account."""
    told: list[tuple[int, Fact]] = []
    for command in given.for_house:
        assert house is not None, "a batch that liquidates has the house at hand"
        taken = decide(states[house], command, market, now, rules)
        if isinstance(taken, Rejected):
            raise taken.error  # nothing of the batch is done: what leaves an account must arrive
        states[house] = taken.state
        told += [(house, fact) for fact in taken.facts]
    return told


def policies() -> Policies:
    """Return the exchange's policies as the settings have them."""
    return replace(
        Policies(),
        latency=Latency(*settings.HYPERORU_LATENCY_MS, settings.HYPERORU_MARKET_SEED),
        market_slippage=settings.HYPERORU_MARKET_SLIPPAGE,
        trigger_slippage=settings.HYPERORU_TRIGGER_SLIPPAGE,
        market_notionals=settings.HYPERORU_MARKET_NOTIONALS,
        limit_multiple=settings.HYPERORU_LIMIT_MULTIPLE,
        max_open_orders=settings.HYPERORU_MAX_OPEN_ORDERS,
        margin_for_fees=settings.HYPERORU_MARGIN_FOR_FEES,
        withdrawable_share=settings.HYPERORU_WITHDRAWABLE_SHARE,
        funding_rounding=settings.HYPERORU_FUNDING_ROUNDING,
        liquidation_slippage=settings.HYPERORU_LIQUIDATION_SLIPPAGE,
        liquidation_partial_above=settings.HYPERORU_LIQUIDATION_PARTIAL_ABOVE,
        liquidation_partial_share=settings.HYPERORU_LIQUIDATION_PARTIAL_SHARE,
        liquidation_cooldown=timedelta(seconds=settings.HYPERORU_LIQUIDATION_COOLDOWN_S),
    )


def _done(account_id: int, accepted: Accepted, written: storage.Written) -> Done:
    orders = tuple(written.order(account_id, order) for order in accepted.orders)
    decision = accepted.decision
    if decision is not None and decision < 0:
        decision = written.decision_ids[account_id, decision]
    return Done(account_id, orders, accepted.duplicate, decision)


def _unavailable() -> Unavailable:
    return Unavailable("The database can't be reached; nothing was done. Try again shortly.")


desk = Desk(board)
