"""Playing recorded candles through the real engine as fast as it goes, on a clock that stands at the recording's time.

Nothing is played that happened before what the database has already: time never goes back in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Max

from accounts.models import Account, LedgerEntry
from trading.desk import Desk
from trading.domain.market import Bar
from trading.engine import Engine
from trading.market.board import Board
from trading.market.feeds import RecordedFeed
from trading.models import EquityPoint, FundingRate, MarketPrice, ModelDecision, Order, Trade

TIMES: tuple[tuple[type[models.Model], str], ...] = (
    (Account, "created_at"),
    (LedgerEntry, "created_at"),
    (Order, "updated_at"),
    (Trade, "executed_at"),
    (EquityPoint, "timestamp"),
    (FundingRate, "hour"),
    (MarketPrice, "at"),
)
NO_WAITING = {"sqlite": "PRAGMA synchronous=NORMAL", "postgresql": "SET synchronous_commit TO off"}


class Refused(Exception):
    """The recording can't be played on this database, or no longer."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it, in numbers of rows; `funding_hours` counts each symbol's."""

    decisions: int
    orders: int
    trades: int
    liquidations: int
    funding_hours: int


class Replay:
    """One playing of recorded candles. Made and stepped in one thread; close it in the end, whatever happened."""

    def __init__(self, series: Mapping[str, Sequence[Bar]]) -> None:
        """Prepare to play `series`: for each symbol the same minutes. Raise `ValueError` where they are not."""
        first = RecordedFeed(series)
        self.start, self.bars = first.start, first.bars
        self.now = self.start
        self._moments = first.moments()
        self._desk = Desk(Board(), lambda: self.now)
        self._series = series
        self._feed: RecordedFeed | None = None
        self._engine = Engine(self._desk, lambda: self.now, self._make)
        self._before: dict[type[models.Model], int] = {}

    def begin(self) -> None:
        """Take the lead; raise `Refused` where another engine has it, or the database is ahead of the recording."""
        last = latest()
        if last is not None and last > self.start:
            raise Refused(
                f"The database has rows of {last:%Y-%m-%d %H:%M:%S} and the recording begins at "
                f"{self.start:%Y-%m-%d %H:%M:%S}: time would go back. Play it on a database of its own."
            )
        self._before = {model: _last(model) for model in (ModelDecision, Order, Trade, FundingRate)}
        self._engine.step(self.now)
        if not self._engine.leads:
            raise Refused("An engine leads on this database: stop it first.")

    def moments(self) -> Iterator[datetime]:
        """Play one price after the other; give the time (UTC) of each when all that was due then is done.

        Raise `Refused` where another engine took the lead, and whatever a step failed on.
        """
        for moment in self._moments:
            self.now = moment
            self._engine.step(moment)
            if not self._engine.leads:
                raise Refused(f"Another engine took the lead at {moment:%Y-%m-%d %H:%M:%S} of the recording.")
            yield moment

    def _make(self, cursor: Mapping[str, Any] | None) -> RecordedFeed:
        if self._feed is not None:
            raise Refused(f"Another engine led for a while at {self.now:%Y-%m-%d %H:%M:%S} of the recording.")
        self._feed = RecordedFeed(self._series, cursor=cursor)
        return self._feed

    def played(self) -> Played:
        """Count what was written since the beginning."""
        new = {model: model._default_manager.filter(pk__gt=last) for model, last in self._before.items()}
        return Played(
            new[ModelDecision].count(),
            new[Order].count(),
            new[Trade].count(),
            new[Trade].filter(liquidation=True).count(),
            new[FundingRate].filter(settled_at__isnull=False).count(),
        )

    def close(self) -> None:
        """Give the lease back and end the desk's thread."""
        self._engine.stop()
        self._desk.close()


def latest() -> datetime | None:
    """Return the latest time (UTC) that any row of the exchange bears; None where there is none."""
    found = [model._default_manager.aggregate(last=Max(field))["last"] for model, field in TIMES]
    return max((each for each in found if each is not None), default=None)


@contextmanager
def not_waiting_for_the_disk() -> Iterator[None]:
    """Let commits of this process be answered before they are on disk.

    After a power cut the last ones may be missing, none by half. Not for what others rely on.
    """

    def relax(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(NO_WAITING[connection.vendor])

    connection_created.connect(relax)
    connection.close()  # it is opened anew, and relaxed, by the next query
    try:
        yield
    finally:
        connection_created.disconnect(relax)
        connection.close()


@contextmanager
def at_the_recordings_pace() -> Iterator[None]:
    """Count the market's hours as the clock's: here the clock is the recording's."""
    pace = settings.MARKET_PACE
    settings.MARKET_PACE = 1
    try:
        yield
    finally:
        settings.MARKET_PACE = pace


def _last(model: type[models.Model]) -> int:
    return model._default_manager.aggregate(last=Max("pk"))["last"] or 0
