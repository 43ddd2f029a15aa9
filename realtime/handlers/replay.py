"""Bringing a connection from a place in a stream to where its events are live."""

from collections.abc import Mapping

from realtime import streams
from realtime.hub import Hub, Key
from realtime.orm import in_orm
from realtime.protocol.messages import StreamHead


async def replay(hub: Hub, since: Mapping[Key, StreamHead]) -> dict[Key, list[str] | None]:
    """Return, for each watched stream, the frames after a place, all up to one moment: now.

    None where they can't all be had: another epoch, a place that was never reached, more than 1,000 missed when asked,
    or pruned. Attach before the next `await`. What was read once is kept: while the log is read streams move on, and
    the rest comes from the hub's memory, without a pause.
    """
    found: dict[Key, list[str] | None] = {}
    reached: dict[Key, int] = {}
    for key, place in since.items():
        head = hub.head(key)
        whole = place.epoch == head.epoch and 0 <= head.seq - place.seq <= streams.RESUME_LIMIT
        found[key] = [] if whole else None
        reached[key] = place.seq
    while behind := [key for key, seq in reached.items() if found[key] is not None and seq != hub.head(key).seq]:
        for key in behind:
            frames = found[key]
            events = hub.recent(key, reached[key])
            if events is None:
                rows = await in_orm(streams.after, *key, reached[key])
                last = hub.head(key).seq  # the log may be ahead of it: what follows comes live
                events = [(row.seq, row.frame) for row in rows if row.epoch == since[key].epoch and row.seq <= last]
            broken = not events or events[0][0] != reached[key] + 1 or hub.head(key).epoch != since[key].epoch
            if frames is None or broken:
                found[key] = None
                continue
            frames += [frame for _, frame in events]
            reached[key] = events[-1][0]
    return found
