"""Bringing a connection from a place in a stream to where its events are live."""

from collections.abc import Mapping

from realtime.hub import Hub, Key
from realtime.protocol.messages import StreamHead


async def replay(hub: Hub, since: Mapping[Key, StreamHead]) -> dict[Key, list[str] | None]:
    """Return, for each watched stream, the frames after a place, up to one common moment: now.

    None where they can't all be had (another epoch, or too many). Attach before the next `await`: reading one stream
    may let another move on, so it is repeated until nothing was read and all stand still.
    """
    found: dict[Key, list[str] | None] = {}
    while True:
        heads = {key: hub.head(key) for key in since}
        for key, place in since.items():
            found[key] = await hub.missed(key, place)
        if all(hub.head(key) == head for key, head in heads.items()):
            return found
