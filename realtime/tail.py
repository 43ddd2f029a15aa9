"""The end of the event log: what was written since it was last read, whichever streams it belongs to."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Max

from realtime.models import Event
from realtime.protocol.messages import StreamHead

Key = tuple[int, str]
Row = tuple[int, int, str, str, int]
"""(id, account, channel, epoch, seq)"""
PAGE = 5_000
MARGIN = 1_000
"""How many ids before the newest are read where reading begins: some of them may not be committed yet."""
MOST_LATE = 2_000
LATE_S = 60.0
_FIELDS = ("pk", "stream__account", "stream__channel", "stream__epoch", "seq")


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows of the log: those from an id on, and those of ids that were jumped over before.

    `since` is the id where reading begins anew, None where it goes on.
    """

    rows: list[Row]
    late: list[Row]
    since: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: how far it shows that streams have got.

    `more`: there is more to read at once. `anew`: reading began at the end of the log, so that what was written before
    has to be looked for otherwise.
    """

    heads: dict[Key, StreamHead]
    more: bool
    anew: bool


class Tail:
    """Reads the log by the ids of its events.

    They are given in order, but an event is seen only once its transaction is committed, which may be after events with
    higher ids were. So ids that are jumped over are kept, and asked for again: for a minute, and at most 2,000 of them.
    Those that were rolled back never come. A transaction that takes longer, or writes more at once, is what the heads
    of streams are compared for besides.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._late: dict[int, float] = {}
        """Ids that were not seen yet, oldest first, and until when they are asked for."""

    def fetch(self) -> Fetched:
        """Ask the database for what is new, for `take`: one query, two where ids were jumped over."""
        last, late = self._last, list(self._late)
        rows = [] if last is None else _from(last)
        # The last event that was read is read again. Where it is gone, as in a restored backup, ids tell nothing.
        if last is None or (last > 0 and (not rows or rows[0][0] != last)):
            newest: int = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
            since = max(0, newest - MARGIN)
            return Fetched(_from(since), [], since)
        return Fetched(rows, _among(late) if late else [], None)

    def take(self, fetched: Fetched) -> Reading:
        """Move on behind what was fetched, and return what it tells."""
        rows, late, since = fetched.rows, fetched.late, fetched.since
        if since is not None:
            self._last = since
            self._late.clear()
        for row in late:
            self._late.pop(row[0], None)
        self._pass_by(rows)
        return Reading(_heads([*late, *rows]), len(rows) == PAGE, since is not None)

    def _pass_by(self, rows: list[Row]) -> None:
        """Move on to the last of these rows, and remember the ids between them."""
        now = time.monotonic()
        last = self._last or 0
        for pk, *_ in rows:
            if pk > last + 1:
                self._late.update(dict.fromkeys(range(max(last + 1, pk - MOST_LATE), pk), now + LATE_S))
            last = pk
        self._last = last
        surplus = len(self._late) - MOST_LATE
        self._late = {pk: until for at, (pk, until) in enumerate(self._late.items()) if at >= surplus and until > now}


def _from(pk: int) -> list[Row]:
    return list(Event.objects.filter(pk__gte=pk).order_by("pk").values_list(*_FIELDS)[:PAGE])


def _among(pks: Iterable[int]) -> list[Row]:
    return list(Event.objects.filter(pk__in=list(pks)).order_by("pk").values_list(*_FIELDS))


def _heads(rows: Iterable[Row]) -> dict[Key, StreamHead]:
    heads: dict[Key, StreamHead] = {}
    for _, account_id, channel, epoch, seq in rows:
        known = heads.get((account_id, channel))
        if known is None or known.seq < seq:
            heads[account_id, channel] = StreamHead(epoch, seq)
    return heads
