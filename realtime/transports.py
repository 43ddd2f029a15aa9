"""What carries a connection's frames: the server's own transport where it offers one, else ASGI's `send`."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from realtime.frames import Burst, Frame

EXTENSION = "hyperoru.transport"
"""The ASGI extension by which our own server offers a `Transport`: {"transport": …}."""
CUT_PATIENCE_S = 1.0

Send = Callable[[dict[str, object]], Awaitable[None]]


class Transport(Protocol):
    """A way to the peer. Frames are written only while it `is_writable`; `on_writable` is called when it is again."""

    is_writable: bool
    on_writable: Callable[[], None]

    def write(self, frame: Frame) -> None: ...

    def write_burst(self, burst: Burst) -> None: ...

    def close(self, code: int) -> None:
        """Begin the closing handshake, behind all that was written."""

    def cut(self, code: int) -> None:
        """Close where the peer does not read: the close frame is tried, and not waited for."""

    async def serve(self, reading: Coroutine[Any, Any, None]) -> None:
        """Run `reading` until the socket is closed, from either side."""


def transport_of(scope: dict[str, Any], send: Send) -> Transport:
    """Return the server's own transport, or one over ASGI where another server runs the application."""
    offered: dict[str, Transport] | None = scope.get("extensions", {}).get(EXTENSION)
    return AsgiTransport(send) if offered is None else offered["transport"]


class AsgiTransport:
    """Frames through `send`, one after the other, by a task of its own: any ASGI server has it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_writable = True
        self.on_writable: Callable[[], None] = lambda: None
        self._frames: deque[Frame] = deque()
        self._close_code: int | None = None
        self._cut = False
        self._wake = asyncio.Event()
        self._cutting = asyncio.Event()

    def write(self, frame: Frame) -> None:
        self._frames.append(frame)
        self.is_writable = False
        self._wake.set()

    def write_burst(self, burst: Burst) -> None:
        for frame in burst.frames:
            self.write(frame)

    def close(self, code: int) -> None:
        self._close_code = code
        self._wake.set()

    def cut(self, code: int) -> None:
        self._close_code = code
        self._cutting.set()

    async def serve(self, reading: Coroutine[Any, Any, None]) -> None:
        reader = asyncio.create_task(reading)
        writer = asyncio.create_task(self._write_all())
        cutting = asyncio.create_task(self._cutting.wait())
        try:
            await asyncio.wait({reader, writer, cutting}, return_when=asyncio.FIRST_COMPLETED)
            if cutting.done():
                writer.cancel()
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(self._send_close(), CUT_PATIENCE_S)
            elif writer.done() and not writer.exception():
                with contextlib.suppress(TimeoutError):  # the peer may answer the close, or not
                    await asyncio.wait_for(asyncio.shield(reader), CUT_PATIENCE_S)
        finally:
            for task in (reader, writer, cutting):
                task.cancel()
            for result in await asyncio.gather(reader, writer, cutting, return_exceptions=True):
                # A peer that is gone fails `send` with an OSError, or with what the server makes of it.
                if isinstance(result, Exception) and not isinstance(result, OSError | RuntimeError):
                    raise result

    async def _write_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._frames:
                await self._send({"type": "websocket.send", "text": self._frames.popleft().text})
                if not self._frames:
                    self.is_writable = True
                    self.on_writable()
            if self._close_code is not None:
                await self._send_close()
                return

    async def _send_close(self) -> None:
        await self._send({"type": "websocket.close", "code": self._close_code})
