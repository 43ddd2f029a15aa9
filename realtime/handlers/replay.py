"""Bringing a connection from a place in a stream to where its events are live."""

from collections.abc import Mapping

from realtime import streams
from realtime.frames import Burst
from realtime.hub import Hub, Key
from realtime.protocol.messages import StreamHead


async def replay(hub: Hub, since: Mapping[Key, StreamHead]) -> dict[Key, list[Burst] | None]:
    """Return, for each watched stream, the events after a place, all up to one moment: now.

    None where they can't all be had: another epoch, a place that was never reached, more than 1,000 missed when asked,
    or pruned. Attach before the next `await`. What was read once is kept: while the log is read streams move on, and
    the rest comes from the hub's memory, without a pause.
    """
    found: dict[Key, list[Burst] | None] = {}
    reached: dict[Key, int] = {}
    for key, place in since.items():
        head = hub.head(key)
        whole = place.epoch == head.epoch and 0 <= head.seq - place.seq <= streams.RESUME_LIMIT
        found[key] = [] if whole else None
        reached[key] = place.seq
    while behind := [key for key, seq in reached.items() if found[key] is not None and seq != hub.head(key).seq]:
        for key in behind:
            bursts, epoch = found[key], since[key].epoch
            burst = hub.recent(key, reached[key])
            if burst is None:
                burst = await hub.pages.after(key, epoch, reached[key], hub.head(key).seq)
            if burst is None or bursts is None or hub.head(key).epoch != epoch:
                found[key] = None
                continue
            bursts.append(burst)
            reached[key] += len(burst.frames)
    return found


def count(bursts: list[Burst]) -> int:
    """Return how many events some bursts are."""
    return sum(len(burst.frames) for burst in bursts)
