"""The engine: plays the market, fills resting orders, lets the models decide and writes down equity. One leads."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from accounts.models import Account
from trading import charting
from trading.charting import Charting
from trading.crossing import arrived, reached, triggered
from trading.deadlines import overdue
from trading.deciding import Deciders
from trading.desk import Answer, Desk, ExecutionUnknown, Request, Unavailable
from trading.domain.commands import Liquidate, RecordEquity
from trading.domain.errors import Rejection
from trading.domain.market import Bar, Market, Quote
from trading.exposure import Exposure
from trading.funding import Funding
from trading.lease import Lease, LeaseLost
from trading.market.feeds import Feed, make_feed
from trading.models import FeedCursor, Instrument
from trading.prices import market_now, standing, store, usable
from trading.reading import refresh_connections
from trading.rows import upsert
from trading.running.fences import ModelFence
from trading.running.runner import Runner
from trading.signals import housekeeping

logger = logging.getLogger(__name__)
STORE_EVERY = timedelta(seconds=1)
LOOK_EVERY = timedelta(seconds=1)
"""How often the engine looks for models that are to run."""
CURSOR = "engine"
EQUITY_SLICES = 20
"""In how many steps, at the most, the equity of all accounts is written: orders pass between them."""
RENEW_SHARE = 4
BATCHES_AT_ONCE = 4
"""How many batches of requests the engine gives to the desk before it looks after its lease."""
AFTER_FAILURE_S = 1.0


@dataclass(slots=True)
class Lead:
    """What a leading engine has: its feed, the models, and when it last did what it does now and then.

    `quotes` are those not stored yet, `unrecorded` the accounts whose equity is due, `slice` how many of them a step.
    `charting` makes candles; None where a recording is played, whose time is not the exchange's.
    """

    feed: Feed
    deciders: Deciders
    funding: Funding
    fence: int | None
    renewed: datetime
    charting: Charting | None = None
    stored: datetime | None = None
    looked: datetime | None = None
    recorded: datetime | None = None
    quotes: dict[str, Quote] = field(default_factory=dict)
    unrecorded: deque[int] = field(default_factory=deque)
    slice: int = 0
    exposure: Exposure = field(default_factory=Exposure)


MakeFeed = Callable[[Mapping[str, Any] | None], Feed]


class Engine:
    """Steps through time. `step` does all that is due at a moment; `run` calls it until it is told to stop.

    `recorded` makes a feed, from the cursor of the one before, that is played instead of the market of the settings.
    Then `clock` is the recording's time; the lease, for which engines of other processes wait, keeps to the real one.
    """

    def __init__(
        self, desk: Desk, clock: Callable[[], datetime] = timezone.now, recorded: MakeFeed | None = None
    ) -> None:
        self.desk = desk
        self.clock = clock
        self.lease = Lease(timedelta(seconds=settings.HYPERORU_LEASE_S))
        self._recorded = recorded
        self._lead: Lead | None = None
        self.runner = Runner(desk, self.lease, clock)

    @property
    def leads(self) -> bool:
        return self._lead is not None

    @property
    def _is_manual(self) -> bool:
        return self._recorded is None and settings.HYPERORU_MARKET == "manual"

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set. A step that fails is logged, and the next one tries again."""
        try:
            while not stop.is_set():
                pause = settings.HYPERORU_TICK_S
                try:
                    refresh_connections()
                    self.step(self.clock())
                except Exception:
                    logger.exception("The engine failed; it goes on in a moment")
                    pause = AFTER_FAILURE_S
                stop.wait(pause)
            self.stop()
        finally:
            connections.close_all()

    def stop(self) -> None:
        """Write down where the feed is and give the lease back."""
        self.runner.stop()
        try:
            if self._lead is not None:
                self._store(self._lead)
                self._lead.funding.store(self.clock())
            self.lease.release(self._real(self.clock()))
        except (DatabaseError, LeaseLost):
            logger.warning("The engine could not give its lease back; it runs out by itself", exc_info=True)
        self._lead = None

    def step(self, now: datetime) -> None:
        """Do what is due at `now` (UTC), if this engine leads. Raises what the step failed on."""
        lead = self._leading(now)
        if lead is None:
            return
        try:
            for is_bar, run in groupby(self._events(lead, now), lambda event: isinstance(event, Bar)):
                if is_bar:
                    bars = [event for event in run if isinstance(event, Bar)]
                    self._carry_out(lead.deciders.on_bars(bars, market_now(self.desk.board, now)))
                    continue
                for quote in run:
                    if isinstance(quote, Quote):
                        self._tick(lead, quote)
            self._let_in(now)
            if _is_due(lead.stored, STORE_EVERY, now):
                self._store(lead)
                lead.stored = now
                self._carry_out(overdue(now))
            self._fund(lead.funding, now)
            self._run_models(lead, now)
            self._record_equity(lead, now)
            housekeeping.send_robust(sender=self, now=now)
        except LeaseLost:
            logger.warning("Another engine leads by now; this one waits")
            self._lead = None
        except Exception:
            self._lead = None  # the next step starts again from the feed's stored cursor: nothing is passed over
            raise

    def _leading(self, now: datetime) -> Lead | None:
        """Take or renew the lease; return what a leader has, made anew after each take-over."""
        lead, real = self._lead, self._real(now)
        if lead is not None and not _is_due(lead.renewed, self.lease.duration / RENEW_SHARE, real):
            return lead
        if not self.lease.hold(real):
            self._lead = None
        elif lead is not None and lead.fence == self.lease.fence:
            lead.renewed = real
        else:  # also where another one led since: what this one remembers is from before that
            feed = self._feed(now)
            self._lead = Lead(
                feed,
                Deciders(feed, ModelFence(self.lease, self.lease.fence)),
                Funding.resumed(self.lease),
                self.lease.fence,
                renewed=real,
                charting=None if self._recorded else Charting.of(feed, now, settings.HYPERORU_REPLAY_SPEED),
            )
            market = "recorded" if self._recorded else settings.HYPERORU_MARKET
            logger.info("This engine leads: market %s, %s", market, ", ".join(feed.symbols))
        return self._lead

    def _real(self, now: datetime) -> datetime:
        return timezone.now() if self._recorded else now

    def _feed(self, now: datetime) -> Feed:
        # One cursor whatever the market: a feed of another kind takes its bar number over, so that numbers, and the
        # ids of decisions made from them, never repeat.
        cursor = FeedCursor.objects.filter(pk=CURSOR).values_list("position", flat=True).first()
        if self._recorded is not None:
            return self._recorded(cursor)
        # Unlisted ones too: a market must not change because of what is traded in it.
        instruments = usable(Instrument.objects.all())
        return make_feed(
            settings.HYPERORU_MARKET,
            speed=settings.HYPERORU_REPLAY_SPEED,
            seed=settings.HYPERORU_MARKET_SEED,
            instruments=instruments,
            now=now,
            cursor=cursor,
        )

    def _events(self, lead: Lead, now: datetime) -> Iterable[Quote | Bar]:
        """Return what the market did: the feed's events, or the prices that staff put, which stand."""
        if not self._is_manual:
            return lead.feed.advance(now)
        return standing(self.desk.board)

    def tick(self, quote: Quote) -> None:
        """Take a new price, if this engine leads, and do what it brings about, as `step` does with each of the feed's.

        Raises `LeaseLost`, `Unavailable` and `ExecutionUnknown`.
        """
        if self._lead is not None:
            self._tick(self._lead, quote)

    def _tick(self, lead: Lead, quote: Quote) -> None:
        """Fire the triggers that a new price reaches, fill the resting orders that it reaches, then liquidate."""
        lead.quotes[quote.symbol] = quote
        self.desk.board.put([quote])
        now = self.clock()
        market = market_now(self.desk.board, now)
        if lead.charting is not None and quote.symbol in market.instruments:
            lead.charting.take(quote.symbol, quote.mark, quote.at if quote.expires else now)
        for crossed in (triggered, reached):
            if requests := crossed(market, quote.symbol):
                self._carry_out(requests)
                market = market_now(self.desk.board, self.clock())
        self._liquidate(lead.exposure, market)

    def _let_in(self, now: datetime) -> None:
        """Let in the orders that were on their way until now; where there is no price they wait for the next one."""
        due = arrived(now)
        if due:
            market = market_now(self.desk.board, now)
            self._carry_out([request for symbol, request in due if market.is_fresh(symbol, now)])

    def _fund(self, funding: Funding, now: datetime) -> None:
        """Sample what funding is made of, fix the rates of hours that ended, and settle some accounts at them."""
        if funding.wants_sample(now):
            funding.sample(market_now(self.desk.board, now), now)
        if funding.is_to_be_stored(now):
            funding.store(now)
        self._carry_out(funding.requests())
        funding.settled(now)

    def _run_models(self, lead: Lead, now: datetime) -> None:
        """Begin the runs of models that are due: those that are asked decide beside the market."""
        # A recording is played as fast as it goes: nobody can be asked about a moment that is over at once.
        if self._recorded is None and _is_due(lead.looked, LOOK_EVERY, now):
            lead.looked = now
            self.runner.look(lead.deciders, market_now(self.desk.board, now), now, self._carry_out)

    def _liquidate(self, exposure: Exposure, market: Market) -> None:
        """Let the accounts be liquidated that may have to be: each is decided exactly, most lack nothing."""
        exposure.refresh()
        self._carry_out([Request(account_id, Liquidate()) for account_id in exposure.near(market)])

    def _record_equity(self, lead: Lead, now: datetime) -> None:
        """Write down the equity of every account now and then, a slice of them in each step."""
        if _is_due(lead.recorded, timedelta(seconds=settings.HYPERORU_EQUITY_EVERY_S), now) and not lead.unrecorded:
            lead.recorded = now
            lead.unrecorded.extend(Account.objects.order_by("pk").values_list("pk", flat=True))
            lead.slice = max(settings.HYPERORU_BATCH_SIZE, -(-len(lead.unrecorded) // EQUITY_SLICES))
        ids = [lead.unrecorded.popleft() for _ in range(min(lead.slice, len(lead.unrecorded)))]
        self._carry_out([Request(account_id, RecordEquity()) for account_id in ids])

    def _carry_out(self, requests: Iterable[Request]) -> list[Answer]:
        """Give requests to the desk under the lease and wait for the answers; return those that there are.

        Raises `LeaseLost`, and `Unavailable` where the database was away: the step fails, the feed goes back to its
        cursor, and what was done already is known by its ids and not done again. A request that the desk fails on, even
        alone, is passed over (the desk has logged it): the market does not stop for all because of one account.
        """
        waiting, answers = deque(requests), list[Answer]()
        while waiting:
            most = min(len(waiting), settings.HYPERORU_BATCH_SIZE * BATCHES_AT_ONCE)
            taken = [self._fenced(waiting.popleft()) for _ in range(most)]
            futures = [self.desk.submit(request) for request in taken]
            given = [future.result() for future in futures if future.exception() is None]
            for answer in given:
                if isinstance(answer, LeaseLost | Unavailable | ExecutionUnknown):
                    raise answer
                if isinstance(answer, Rejection):
                    logger.warning("The engine was refused: %s", answer.message)
            answers += given
            lead = self._lead
            if waiting and self._leading(self.clock()) is not lead:
                raise LeaseLost("Another engine leads by now, or has led.")
        return answers

    def _fenced(self, request: Request) -> Request:
        return request if request.fence is not None else replace(request, fence=self.lease)

    def _store(self, lead: Lead) -> None:
        """Write the last prices, the candles and the feed's place, together."""
        candles = lead.charting.rows() if lead.charting is not None else []
        if self._is_manual and not candles:
            return
        with transaction.atomic():
            if (lost := self.lease.refusal()) is not None:
                raise lost
            charting.store(candles)
            if not self._is_manual:
                store(lead.quotes.values())
                upsert(FeedCursor, [{"feed": CURSOR, "position": lead.feed.cursor()}], ("feed",))
        lead.quotes.clear()


def _is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    """Tell whether something is to be done again; at once where the clock was set back since."""
    return last is None or not last <= now < last + every
