"""The engine: plays the market, fills resting orders, lets the models decide and writes down equity. One leads."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from trading.deciding import Deciders
from trading.desk import Answer, Desk, Request
from trading.domain.commands import MatchOrder, RecordEquity
from trading.domain.enums import AccountStatus, OrderStatus, Side
from trading.domain.errors import Rejection
from trading.domain.market import Bar, Quote
from trading.lease import Lease, LeaseLost
from trading.market.feeds import Feed, make_feed
from trading.models import FeedCursor, Instrument, Order
from trading.prices import market_now, store, stored

logger = logging.getLogger(__name__)
STORE_EVERY = timedelta(seconds=1)
RENEW_SHARE = 4
AFTER_FAILURE_S = 1.0


@dataclass(slots=True)
class Lead:
    """What a leading engine has: its feed, the models, and when it last did what it does now and then."""

    feed: Feed
    deciders: Deciders
    renewed: datetime
    stored: datetime | None = None
    recorded: datetime | None = None


class Engine:
    """Steps through time. `step` does all that is due at a moment; `run` calls it until it is told to stop."""

    def __init__(self, desk: Desk, clock: Callable[[], datetime] = timezone.now) -> None:
        self.desk = desk
        self.clock = clock
        self.lease = Lease(timedelta(seconds=settings.HYPERORU_LEASE_S))
        self._lead: Lead | None = None

    @property
    def leads(self) -> bool:
        return self._lead is not None

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set. A step that fails is logged, and the next one tries again."""
        try:
            while not stop.is_set():
                pause = settings.HYPERORU_TICK_S
                try:
                    close_old_connections()
                    self.step(self.clock())
                except Exception:
                    logger.exception("The engine failed; it goes on in a moment")
                    self._lead = None
                    pause = AFTER_FAILURE_S
                stop.wait(pause)
            self.stop()
        finally:
            connections.close_all()

    def stop(self) -> None:
        """Write down where the feed is and give the lease back."""
        try:
            if self._lead is not None:
                self._store((), self._lead)
            self.lease.release(self.clock())
        except DatabaseError:
            logger.exception("The engine could not give its lease back; it runs out by itself")
        self._lead = None

    def step(self, now: datetime) -> None:
        """Do what is due at `now` (UTC), if this engine leads."""
        lead = self._leading(now)
        if lead is None:
            return
        try:
            last: dict[str, Quote] = {}
            for is_bar, run in groupby(self._events(lead, now), lambda event: isinstance(event, Bar)):
                if is_bar:
                    bars = [event for event in run if isinstance(event, Bar)]
                    self._carry_out(lead.deciders.on_bars(bars, market_now(self.desk.board, now)))
                    continue
                for quote in run:
                    if isinstance(quote, Quote):
                        last[quote.symbol] = quote
                        self._quote(quote)
            if lead.stored is None or now - lead.stored >= STORE_EVERY:
                self._store(last.values(), lead)
                lead.stored = now
            if lead.recorded is None or now - lead.recorded >= timedelta(seconds=settings.HYPERORU_EQUITY_EVERY_S):
                lead.recorded = now
                self.record_equity()
        except LeaseLost:
            logger.warning("Another engine leads by now; this one waits")
            self._lead = None

    def _leading(self, now: datetime) -> Lead | None:
        """Take or renew the lease; return what a leader has, made anew after each take-over."""
        lead = self._lead
        if lead is not None and now - lead.renewed < self.lease.duration / RENEW_SHARE:
            return lead
        if not self.lease.hold(now):
            self._lead = None
        elif lead is not None:
            lead.renewed = now
        else:
            feed = self._feed(now)
            self._lead = Lead(feed, Deciders(feed), renewed=now)
            logger.info("This engine leads: market %s, %s", settings.HYPERORU_MARKET, ", ".join(feed.symbols))
        return self._lead

    def _feed(self, now: datetime) -> Feed:
        cursor = FeedCursor.objects.filter(pk=settings.HYPERORU_MARKET).values_list("position", flat=True).first()
        instruments = {row.symbol: row.to_domain() for row in Instrument.objects.filter(listed=True)}
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
        if settings.HYPERORU_MARKET != "manual":
            return lead.feed.advance(now)
        return [quote for quote in stored() if not quote.expires]

    def _quote(self, quote: Quote) -> None:
        """Take a new price and fill the resting orders that it reaches, best price first, then the oldest."""
        self.desk.board.put([quote])
        self._carry_out([Request(account_id, MatchOrder(pk)) for account_id, pk in self._reached(quote.symbol)])

    def _reached(self, symbol: str) -> Sequence[tuple[int, int]]:
        market = market_now(self.desk.board, self.clock())
        if symbol not in market.instruments:
            return []
        book = market.book(market.quotes[symbol])
        reached = Q(pk__in=())
        if book.asks:
            reached |= Q(side=Side.BUY, price__gte=book.asks[0].price)
        if book.bids:
            reached |= Q(side=Side.SELL, price__lte=book.bids[0].price)
        orders = Order.objects.filter(
            reached, instrument=symbol, status=OrderStatus.OPEN, account__status=AccountStatus.ACTIVE
        )
        rows = orders.values_list("account_id", "pk", "side", "price", "created_at")
        ranked = sorted(rows, key=lambda row: (row[2], row[3] if row[2] == Side.SELL else -row[3], row[4], row[1]))
        return [(row[0], row[1]) for row in ranked]

    def record_equity(self) -> None:
        """Write down the equity of every account."""
        ids = Account.objects.order_by("pk").values_list("pk", flat=True)
        self._carry_out([Request(account_id, RecordEquity()) for account_id in ids])

    def _carry_out(self, requests: Iterable[Request]) -> list[Answer]:
        """Give requests to the desk under the lease and wait for the answers. Raises `LeaseLost`."""
        futures = [self.desk.submit(replace(request, fence=self.lease)) for request in requests]
        answers = [future.result() for future in futures]
        for answer in answers:
            if isinstance(answer, LeaseLost):
                raise answer
            if isinstance(answer, Rejection):
                logger.warning("The engine was refused: %s", answer.message)
        return answers

    def _store(self, quotes: Iterable[Quote], lead: Lead) -> None:
        """Write the last prices and the feed's place, together."""
        if settings.HYPERORU_MARKET == "manual":
            return
        with transaction.atomic():
            if (lost := self.lease.refusal()) is not None:
                raise lost
            store(quotes)
            FeedCursor.objects.update_or_create(pk=settings.HYPERORU_MARKET, defaults={"position": lead.feed.cursor()})
