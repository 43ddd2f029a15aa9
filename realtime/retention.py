"""What the event log keeps: streams are cut from their old end, a few events at a time.

An event is pruned when it is older than the age or beyond the count, whichever comes first. A stream is cut as a
prefix, so that it never has a hole: by age up to the first event that is young enough, whatever the clock said of those
behind it. The stream's `floor` moves with the cut, in one transaction, under the lock that writers take.
"""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery

from realtime.models import Event, Stream

BATCH = 1_000
"""How many events one transaction deletes at the most: orders pass between them."""
TOGETHER = 50
"""How many streams one transaction cuts at the most."""
SPAN = 2_000
"""How many streams one look goes through, by their ids."""
MOST_DAYS = 36_500
MOST_COUNT = 10**12


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept of each stream: the last `days`, and the newest `count` events. 0: without that limit.

    Raises `ValueError` where a number makes no sense.
    """

    days: float
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.days <= MOST_DAYS:  # so is NaN refused
            raise ValueError(f"The days to keep must be from 0 (off) to {MOST_DAYS}, not {self.days:g}.")
        if not 0 <= self.count <= MOST_COUNT:
            raise ValueError(f"The number of events to keep must be from 0 (off) to {MOST_COUNT}, not {self.count}.")

    def before(self, now: datetime) -> datetime | None:
        """Return the moment from which on events are young enough, None where age does not matter."""
        return now - timedelta(days=self.days) if self.days else None


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many events of how many streams were deleted, or would be."""

    events: int = 0
    streams: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a stream is to be cut: `target` becomes its floor. `more`: it could be cut further."""

    stream_id: int
    floor: int
    target: int
    more: bool


class Sweep:
    """One pass over the streams of all accounts, or of those named. Call `step` until it is `finished`.

    A step costs the same however long the streams are: at most one look at a span of them and one short transaction.
    Ages are counted from `now` (UTC).
    """

    def __init__(
        self, limits: Limits, now: datetime, accounts: Collection[int] | None = None, batch: int = BATCH
    ) -> None:
        self._limits = limits
        self._before = limits.before(now)
        self._batch = batch
        self._streams = Stream.objects.all() if accounts is None else Stream.objects.filter(account__in=accounts)
        ends = self._streams.aggregate(first=Min("pk"), last=Max("pk"))
        self._next: int = ends["first"] or 0
        self._last: int = ends["last"] or -1
        self._due: deque[int] = deque()
        """Streams of the last span that are still to be cut."""
        self._events = 0
        self._cut: set[int] = set()

    @property
    def finished(self) -> bool:
        return not self._due and self._next > self._last

    @property
    def pruned(self) -> Pruned:
        """Return what was deleted so far."""
        return Pruned(self._events, len(self._cut))

    def step(self) -> None:
        """Delete one batch; look at the next span of streams first where none is known to be due."""
        if not self._due and not self.finished:
            self._due.extend(self._look())
        if self._due:
            ids = [self._due.popleft() for _ in range(min(TOGETHER, len(self._due)))]
            self._due.extendleft(reversed(self._prune(ids)))

    def count(self) -> Pruned:
        """Return what the rest of the pass would delete, and delete nothing."""
        events = streams = 0
        while not self.finished:
            ids = self._look()
            events += _beneath_floor(ids).count()
            events += sum(cut.target - cut.floor for cut in self._cuts(ids))
            streams += len(ids)
        return Pruned(events, streams)

    def _look(self) -> list[int]:
        """Go through the next span; return the streams that have something to prune."""
        first, self._next = self._next, self._next + SPAN
        events = Event.objects.filter(stream=OuterRef("pk"))
        due = Q(Exists(events.filter(seq__lte=OuterRef("floor"))))
        if self._limits.count:
            due |= Q(seq__gt=F("floor") + self._limits.count)
        if self._before is not None:
            due |= Q(Exists(events.filter(seq=OuterRef("floor") + 1, created_at__lt=self._before)))
        span = self._streams.filter(pk__gte=first, pk__lt=self._next)
        return list(span.filter(due).order_by("pk").values_list("pk", flat=True))

    @transaction.atomic
    def _prune(self, ids: list[int]) -> list[int]:
        """Cut streams, each by its share of a batch; return those that are still due. Six statements."""
        share = max(1, self._batch // len(ids))
        list(Stream.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
        # In a statement of its own, behind the locks: it must see what was written until they were had.
        cuts = list(self._cuts(ids, share))
        Stream.objects.bulk_update([Stream(pk=cut.stream_id, floor=cut.target) for cut in cuts], ["floor"])
        deleted, _ = Event.objects.filter(pk__in=_beneath_floor(ids).values("pk")[: self._batch]).delete()
        self._events += deleted
        self._cut.update(ids)
        return ids if deleted == self._batch else [cut.stream_id for cut in cuts if cut.more]

    def _cuts(self, ids: list[int], share: int | None = None) -> Iterator[Cut]:
        """Find where streams are to be cut: in one query, which reads no more events of each than its share."""
        streams: QuerySet[Stream] = Stream.objects.filter(pk__in=ids).order_by("pk")
        if self._before is not None:
            young = Event.objects.filter(stream=OuterRef("pk"), seq__gt=OuterRef("floor"), created_at__gte=self._before)
            if share is not None:
                young = young.filter(seq__lte=OuterRef("floor") + share)
            streams = streams.annotate(young=Subquery(young.order_by("seq").values("seq")[:1]))
        for stream in streams:
            furthest = stream.seq if share is None else min(stream.seq, stream.floor + share)
            target = stream.floor
            if self._before is not None:
                young_seq: int | None = stream.young  # type: ignore[attr-defined]
                target = furthest if young_seq is None else young_seq - 1
            if self._limits.count:
                target = min(furthest, max(target, stream.seq - self._limits.count))
            yield Cut(stream.pk, stream.floor, target, more=target == furthest < stream.seq)


def _beneath_floor(ids: list[int]) -> "QuerySet[Event]":
    """Return the events of streams that nobody reads any more."""
    return Event.objects.filter(stream__in=ids, seq__lte=F("stream__floor"))


def limits_of_settings() -> Limits:
    """Return what the settings say is kept."""
    return Limits(settings.HYPERORU_EVENTS_KEEP_DAYS, settings.HYPERORU_EVENTS_KEEP_COUNT)
