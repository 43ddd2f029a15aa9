"""The door of `/ws`: it lets a socket in where its address has room for it."""

import asyncio
from contextlib import suppress
from typing import Any

from realtime.addresses import client_address
from realtime.admission import PLACE, Place, admission
from realtime.hubs import running_hub
from realtime.protocol.errors import CLOSE_TOO_MANY_SOCKETS
from realtime.transports import EXTENSION

WAIT_S = 4.0
"""How long one too many may wait to be accepted: less than servers and clients give a handshake."""


class Admitted:
    """ASGI middleware that lets a socket in, and keeps its place while it is open.

    One too many that has not connected waits before it is accepted: after a deploy all clients of an address come at
    once, and each leaves its place to the next as soon as it has connected.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        address = client_address(scope)
        place = admission.enter(address)
        if place is None and address is not None:
            opening = await receive()
            speaking = asyncio.create_task(receive())
            try:
                place = await _place_after_others(address, speaking)
            finally:
                speaking.cancel()
            if place is None:
                await _refuse(scope, send, accept=not speaking.done())
                return
            receive = _beginning_with(opening, receive)
        scope[PLACE] = place
        try:
            await self._app(scope, receive, send)
        finally:
            if place is not None:
                place.leave()


async def _place_after_others(address: str, speaking: "asyncio.Task[Any]") -> Place | None:
    """Wait for a place; return None where that takes too long, or the peer goes (or speaks before it is accepted)."""
    hub = running_hub()
    if hub is not None and hub.draining:
        return Place(admission, None)
    waiter = admission.line_up(address)
    if waiter is None:
        return None
    taken = False
    try:
        await asyncio.wait({waiter, speaking}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        taken = waiter.done() and not speaking.done()
        return waiter.result() if taken else None
    finally:
        admission.step_out(address, waiter)
        if waiter.done() and not taken:
            waiter.result().leave()


async def _refuse(scope: dict[str, Any], send: Any, *, accept: bool) -> None:
    """Close with 4504. Accepted first: a browser is not told why a handshake was refused, but sees a close code."""
    with suppress(OSError):  # the peer is gone
        if accept:
            await send({"type": "websocket.accept"})
            offered = scope.get("extensions", {}).get(EXTENSION)
            if offered is not None:
                offered["transport"].cut(CLOSE_TOO_MANY_SOCKETS)  # it is counted no more, so it may not stay
                return
        await send({"type": "websocket.close", "code": CLOSE_TOO_MANY_SOCKETS})


def _beginning_with(message: Any, receive: Any) -> Any:
    """Return a `receive` that gives a message first which was taken from it."""
    left = [message]

    async def received() -> Any:
        return left.pop() if left else await receive()

    return received
