"""The socket's consumer: a thin shell between ASGI and the handlers."""

import asyncio
import contextlib
import logging
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from realtime.connection import Connection
from realtime.hubs import get_hub
from realtime.origins import origin_allowed
from realtime.requests import Requests

logger = logging.getLogger(__name__)
CLOSE_PATIENCE_S = 1.0


class HyperoruConsumer(AsyncJsonWebsocketConsumer):
    """Serves `/ws`.

    It reads in a plain loop of its own: Channels' `dispatch` hops through a thread and makes a task for every message,
    and joins a group for every connection; here requests run as bounded tasks, the hub holds the groups, and one
    writer sends.
    """

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()  # websocket.connect
        if not origin_allowed(scope["headers"]):
            await send({"type": "websocket.close", "code": 4403})
            return
        await send({"type": "websocket.accept"})
        hub = await get_hub()
        connection = Connection(scope, send, hub)
        requests = Requests(connection)
        hub.connections.add(connection)
        reader = asyncio.create_task(_read(receive, requests))
        writer = asyncio.create_task(connection.outbox.run())
        overflow = asyncio.create_task(connection.overflowed.wait())
        try:
            await asyncio.wait({reader, writer, overflow}, return_when=asyncio.FIRST_COMPLETED)
            if overflow.done():
                # The peer does not read: what is queued can't be sent, and the close may not be waited for either.
                writer.cancel()
                with contextlib.suppress(Exception):
                    close = send({"type": "websocket.close", "code": 4008})
                    await asyncio.wait_for(close, CLOSE_PATIENCE_S)
            elif not reader.done():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader, CLOSE_PATIENCE_S)
        finally:
            connection.leave()
            tasks = [reader, writer, overflow]
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, OSError | RuntimeError):
                    logger.error("A connection failed", exc_info=result)


async def _read(receive: Any, requests: Requests) -> None:
    """Take frames until the socket is closed."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        requests.take(message.get("text"))
