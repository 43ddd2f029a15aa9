"""The event log: every durable event of an account, numbered in the transaction that made it."""

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from realtime.announce import announce
from realtime.events import Draft, Numbered
from realtime.models import Event, Stream, new_epoch
from realtime.protocol.channels import DURABLE, EVENT_OF
from realtime.protocol.codec import encode_event
from realtime.protocol.messages import Reply, StreamHead
from trading.rows import Row, Rows, add, insert

RESUME_LIMIT = 1_000
PAGE = 500
"""How many streams get new epochs in one transaction."""


class Collector(threading.local):
    """The drafts of the batch that this thread's desk is about to commit, or None outside a batch."""

    drafts: list[Draft] | None = None
    now: datetime | None = None


_collector = Collector()


def open_batch(now: datetime) -> None:
    """Gather this thread's events, all of the moment `now` (UTC), until `close_batch`."""
    _collector.drafts, _collector.now = [], now


def close_batch(*, failed: bool) -> None:
    """Write what was gathered, or drop it where the batch failed."""
    drafts, _collector.drafts = _collector.drafts, None
    if drafts and not failed:
        _write(drafts, _collector.now or timezone.now())


def append(account_id: int, channel: str, data: Reply) -> None:
    """Add an event to its stream, in the transaction at hand; sockets hear of it after the commit."""
    draft = Draft(account_id, channel, data)
    if _collector.drafts is not None:
        _collector.drafts.append(draft)
        return
    with transaction.atomic():
        _write([draft], timezone.now())


def _write(drafts: Sequence[Draft], now: datetime) -> None:
    """Number, encode and write events: three statements, whatever their number."""
    heads = _advanced(Counter((draft.account_id, draft.channel) for draft in drafts))
    rows: list[Row] = []
    told: list[Numbered] = []
    for draft in drafts:
        head = heads[draft.account_id, draft.channel]
        head.seq += 1
        frame = encode_event(EVENT_OF[draft.channel], draft.channel, head.seq, head.epoch, draft.data)
        rows.append({"stream_id": head.stream_id, "seq": head.seq, "frame": frame, "created_at": now})
        told.append(Numbered(draft.account_id, draft.channel, head.epoch, head.seq, frame))
    insert(Event, rows)
    transaction.on_commit(lambda: announce(told))


@dataclass(slots=True)
class Head:
    """Where a stream stands while events are added to it."""

    stream_id: int
    epoch: str
    seq: int


def _advanced(counts: Mapping[tuple[int, str], int]) -> dict[tuple[int, str], Head]:
    """Move streams, each an account and a channel, on by so many numbers; return where they stood.

    They stay locked until the transaction ends. Missing ones are made.
    """
    rows = [{"account_id": account_id, "channel": channel, "seq": n} for (account_id, channel), n in counts.items()]
    found = add(Stream, rows, ("account_id", "channel"), ("account_id", "channel", "id", "epoch", "seq"))
    if len(found) < len(counts):
        there = {(account_id, channel) for account_id, channel, *_ in found}
        missing = {key: n for key, n in counts.items() if key not in there}
        create_streams({account_id for account_id, _ in missing})
        return {**_heads(found, counts), **_advanced(missing)}
    return _heads(found, counts)


def _heads(rows: Rows, counts: Mapping[tuple[int, str], int]) -> dict[tuple[int, str], Head]:
    return {
        (account_id, channel): Head(pk, epoch, seq - counts[account_id, channel])
        for account_id, channel, pk, epoch, seq in rows
    }


def create_streams(account_ids: Iterable[int]) -> None:
    """Make the streams that accounts have not got yet."""
    rows = [Stream(account_id=pk, channel=channel) for pk in sorted(account_ids) for channel in sorted(DURABLE)]
    Stream.objects.bulk_create(rows, ignore_conflicts=True)


def renew_epochs(account_ids: Collection[int] | None = None) -> int:
    """Let the streams of all accounts, or of those named, begin another history; return how many did.

    Numbers go on. What is in the log belongs to the old history, and lies beneath the floor from now on.
    """
    streams = Stream.objects.select_for_update().order_by("pk")
    if account_ids is not None:
        streams = streams.filter(account__in=account_ids)
    last = renewed = 0
    while page := _renew(streams.filter(pk__gt=last)[:PAGE]):
        last, renewed = page[-1].pk, renewed + len(page)
    return renewed


@transaction.atomic
def _renew(streams: Iterable[Stream]) -> list[Stream]:
    page = list(streams)
    for stream in page:
        stream.epoch, stream.floor = new_epoch(), stream.seq
    Stream.objects.bulk_create(page, update_conflicts=True, unique_fields=["id"], update_fields=["epoch", "floor"])
    return page


def heads(account_ids: Iterable[int]) -> dict[tuple[int, str], StreamHead]:
    """Return where the accounts' streams stand, as one sees it inside the transaction at hand."""
    rows = Stream.objects.filter(account__in=account_ids).values_list("account", "channel", "epoch", "seq")
    return {(account_id, channel): StreamHead(epoch, seq) for account_id, channel, epoch, seq in rows}


def as_of(account_id: int) -> dict[str, StreamHead]:
    """Return where each stream of an account stands, by channel."""
    return {channel: head for (_, channel), head in sorted(heads([account_id]).items())}


def after(account_id: int, channel: str, seq: int, limit: int = RESUME_LIMIT) -> list[Numbered]:
    """Return the events of a stream after a number, oldest first, at most `limit`: without a hole.

    None at all where the very next one was pruned. One statement, so that no pruning can pass between.
    """
    whole = Event.objects.filter(stream__account=account_id, stream__channel=channel, stream__floor__lte=seq)
    rows = whole.filter(seq__gt=seq).order_by("seq")
    values = rows.values_list("stream__epoch", "seq", "frame")[:limit]
    return [Numbered(account_id, channel, epoch, number, frame) for epoch, number, frame in values]
