"""Taking leave of the connections before the process ends."""

import asyncio
import random

from realtime.admission import admission
from realtime.hub import Hub
from realtime.protocol.codec import encode
from realtime.protocol.errors import CLOSE_SHUTTING_DOWN
from realtime.protocol.messages import ServerShutdown

ANSWERED_WITHIN_S = 4.0
CUT_SHORT_WITHIN_S = 0.5
CLOSED_OVER_S = 2.0
GONE_WITHIN_S = 1.0
SLICES = 20
RECONNECT_AFTER_MS = 500
RECONNECT_SPREAD_MS = 2_000
RECONNECTS_PER_MS = 1
"""So many, or fewer, come back in a millisecond: the spread grows with the connections."""


async def take_leave(hub: Hub) -> None:
    """Tell every connection, let what is in flight be answered, and close with 4001, a slice at a time.

    Requests that come from now on are answered `restarting`; those that hang are cut short, and answered that nothing
    was done or that their outcome is not known. Ends within 8 s, whoever does not answer.
    """
    hub.draining = True
    admission.let_all_go()
    spread = max(RECONNECT_SPREAD_MS, len(hub.connections) // RECONNECTS_PER_MS)
    for connection in list(hub.connections):
        after = RECONNECT_AFTER_MS + random.randrange(spread)  # noqa: S311  (spreads load, guards nothing)
        connection.outbox.put(encode("server_shutdown", ServerShutdown(reconnect_after_ms=after)))
    in_flight = {task for connection in hub.connections for task in connection.in_flight}
    if in_flight:
        _, hanging = await asyncio.wait(in_flight, timeout=ANSWERED_WITHIN_S)
        for task in hanging:
            task.cancel()
        if hanging:
            await asyncio.wait(hanging, timeout=CUT_SHORT_WITHIN_S)
    await _close_in_slices(hub)
    await _until_gone(hub)


async def _close_in_slices(hub: Hub) -> None:
    """Close all that is open over a short while: clients come back one after the other."""
    waiting = list(hub.connections)
    size = -(-len(waiting) // SLICES)
    while waiting:
        await asyncio.sleep(CLOSED_OVER_S / SLICES)
        for connection in waiting[:size]:
            connection.close(CLOSE_SHUTTING_DOWN)
        del waiting[:size]


async def _until_gone(hub: Hub) -> None:
    """Give what is queued a moment to leave."""
    loop = asyncio.get_running_loop()
    end = loop.time() + GONE_WITHIN_S
    while hub.connections and loop.time() < end:  # noqa: ASYNC110  (it ends with the time, too)
        await asyncio.sleep(0.02)
