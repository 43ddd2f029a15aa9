"""Funding by the engine: sampling premiums, fixing each hour's rate once, and settling it on every open position.

Hours are UTC hours of the wall clock, whatever time the market plays. The samples are written down each minute, so a
restart keeps an hour's mean honest. When an hour has ended, whoever leads writes its `FundingRate`, once, with the
samples that there are, however late that is; an hour without any is passed over. Then each account that held the symbol
when the hour ended settles, a slice of them in each step; the ledger's key keeps any from paying twice, whatever
restarts.
"""

import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from trading.desk import Request
from trading.domain.commands import SettleFunding
from trading.domain.funding import Premiums, hour_of, hourly_rate, sample_of, sampled
from trading.domain.market import Market
from trading.holding import traded_since
from trading.lease import Lease
from trading.models import FeedCursor, FundingRate, Position
from trading.rows import upsert

logger = logging.getLogger(__name__)
CURSOR = "funding"
STORE_EVERY = timedelta(minutes=1)
SLICE = 256
"""How many accounts settle in one step: orders pass between steps."""


@dataclass(slots=True)
class Settlement:
    """An hour's rate that is being settled, and who still has to."""

    rate: FundingRate
    accounts: deque[int]

    @classmethod
    def of(cls, rate: FundingRate) -> "Settlement":
        holders = Position.objects.filter(instrument=rate.instrument_id, size__gt=0).values_list("account", flat=True)
        # Who closed it meanwhile:
        since = traded_since(rate.instrument_id, rate.hour).order_by().values_list("account", flat=True).distinct()
        return cls(rate, deque(sorted({*holders, *since})))

    def take(self, most: int) -> list[Request]:
        rate = self.rate
        command = SettleFunding(rate.instrument_id, rate.hour, rate.rate, rate.oracle)
        return [Request(self.accounts.popleft(), command) for _ in range(min(most, len(self.accounts)))]


@dataclass(slots=True)
class Funding:
    """What the leading engine has of it. Made anew after each take-over, from what was written down."""

    lease: Lease
    hours: dict[tuple[str, datetime], Premiums]
    due: deque[Settlement]
    last: int = -1
    """The number of the last sample."""
    stored: datetime | None = None

    @classmethod
    def resumed(cls, lease: Lease) -> "Funding":
        """Go on where the leader before stopped: its samples, and the rates that it had not settled."""
        position = FeedCursor.objects.filter(pk=CURSOR).values_list("position", flat=True).first() or {}
        hours = {(each.symbol, each.premiums.hour): each.premiums for each in map(_read, position.get("hours", []))}
        unsettled = FundingRate.objects.filter(settled_at__isnull=True).order_by("hour", "instrument")
        return cls(lease, hours, deque(Settlement.of(rate) for rate in unsettled))

    def wants_sample(self, now: datetime) -> bool:
        """Tell whether these 5 seconds still lack their sample."""
        return sample_of(now) != self.last

    def sample(self, market: Market, now: datetime) -> None:
        """Take a sample of each instrument whose price is fresh."""
        number = self.last = sample_of(now)
        hour = hour_of(now)
        for symbol, instrument in market.instruments.items():
            found = sampled(market, instrument, now)
            if found is not None:
                before = self.hours.get((symbol, hour)) or Premiums(hour)
                self.hours[symbol, hour] = before.plus(number, found.premium, found.oracle)

    def is_to_be_stored(self, now: datetime) -> bool:
        stored = self.stored
        return stored is None or not stored <= now < stored + STORE_EVERY or self._ended(now) != []

    def store(self, now: datetime) -> None:
        """Write the samples down, and the rates of the hours that have ended. Raises where the lease is lost."""
        ended = self._ended(now)
        with transaction.atomic():
            if (lost := self.lease.refusal()) is not None:
                raise lost
            rates = [_rate(symbol, premiums) for (symbol, _), premiums in ended]
            FundingRate.objects.bulk_create(rates, ignore_conflicts=True)
            left = {key: premiums for key, premiums in self.hours.items() if premiums.hour > now}
            rows = [_row(symbol, premiums) for (symbol, _), premiums in left.items()]
            upsert(FeedCursor, [{"feed": CURSOR, "position": {"hours": rows}}], ("feed",))
            fixed = [FundingRate.objects.get(instrument=rate.instrument_id, hour=rate.hour) for rate in rates]
        self.hours, self.stored = left, now
        for rate in fixed:
            logger.info(
                "Funding of %s at %s: %s from %d samples", rate.instrument_id, rate.hour, rate.rate, rate.samples
            )
            if rate.settled_at is None:
                self.due.append(Settlement.of(rate))

    def requests(self) -> list[Request]:
        """Return what the next accounts have to settle, for the desk to carry out; oldest hour first."""
        return self.due[0].take(SLICE) if self.due else []

    def settled(self, now: datetime) -> None:
        """Note that what `requests` gave was carried out; a rate that everybody has settled is done."""
        if self.due and not self.due[0].accounts:
            done = self.due.popleft().rate
            FundingRate.objects.filter(pk=done.pk, settled_at__isnull=True).update(settled_at=now)

    def _ended(self, now: datetime) -> list[tuple[tuple[str, datetime], Premiums]]:
        ended = [(key, premiums) for key, premiums in self.hours.items() if premiums.hour <= now and premiums.samples]
        return sorted(ended, key=lambda each: (each[1].hour, each[0]))


@dataclass(frozen=True, slots=True)
class _Stored:
    symbol: str
    premiums: Premiums


def _row(symbol: str, premiums: Premiums) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "hour": premiums.hour.isoformat(),
        "total": f"{premiums.total:f}",
        "samples": premiums.samples,
        "last": premiums.last,
        "oracle": f"{premiums.oracle:f}",
    }


def _read(row: dict[str, Any]) -> _Stored:
    hour, total, oracle = datetime.fromisoformat(row["hour"]), Decimal(row["total"]), Decimal(row["oracle"])
    return _Stored(row["symbol"], Premiums(hour, total, int(row["samples"]), int(row["last"]), oracle))


def _rate(symbol: str, premiums: Premiums) -> FundingRate:
    return FundingRate(
        instrument_id=symbol,
        hour=premiums.hour,
        premium=premiums.mean,
        rate=hourly_rate(premiums.mean),
        oracle=premiums.oracle,
        samples=premiums.samples,
    )
