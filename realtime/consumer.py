"""The socket's consumer: a thin shell between ASGI and the handlers."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from realtime.connection import Connection
from realtime.hubs import get_hub
from realtime.origins import origin_allowed
from realtime.protocol.errors import CLOSE_SHUTTING_DOWN
from realtime.requests import Requests
from realtime.transports import transport_of


class HyperoruConsumer(AsyncJsonWebsocketConsumer):
    """Serves `/ws`.

    It reads in a plain loop of its own: Channels' `dispatch` hops through a thread and makes a task for every message,
    and joins a group for every connection; here requests run as bounded tasks, the hub holds the groups, and frames go
    straight to the transport.
    """

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()  # websocket.connect
        if not origin_allowed(scope["headers"]):
            await send({"type": "websocket.close", "code": 4403})
            return
        hub = await get_hub()
        if hub.draining:
            await _send_away(scope, send)
            return
        await send({"type": "websocket.accept"})
        transport = transport_of(scope, send)
        connection = Connection(scope, transport, hub)
        hub.connections.add(connection)
        try:
            await transport.serve(_read(receive, Requests(connection)))
        finally:
            connection.leave()


async def _send_away(scope: dict[str, Any], send: Any) -> None:
    """Refuse a handshake because the process is stopping: with HTTP 503, where the server can, else with 4001."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": CLOSE_SHUTTING_DOWN})
        return
    headers = [(b"retry-after", b"1"), (b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})


async def _read(receive: Any, requests: Requests) -> None:
    """Take frames until the socket is closed."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        requests.take(message.get("text"))
