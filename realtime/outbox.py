"""What waits to be sent to one connection, and the one task that sends it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Send = Callable[[dict[str, object]], Awaitable[None]]


class _Entry:
    __slots__ = ("text",)

    def __init__(self, text: str | None) -> None:
        self.text = text


class Outbox:
    """A queue of frames, bounded by bytes.

    Replies and durable events are sent in the order in which they were put. An ephemeral event replaces the one of its
    key that still waits, at the newer one's place: it may never overtake, nor be overtaken by, what it was put between.
    When the bound is passed ephemeral events are dropped first; then `overflow` is called, once.
    """

    def __init__(self, send: Send, max_bytes: int, overflow: Callable[[], None]) -> None:
        self._send = send
        self._max_bytes = max_bytes
        self._overflow = overflow
        self._entries: deque[_Entry] = deque()
        self._latest: dict[str, _Entry] = {}
        self._bytes = 0
        self._wake = asyncio.Event()
        self._close_code: int | None = None
        self._full = False

    @property
    def queued_bytes(self) -> int:
        return self._bytes

    @property
    def closing(self) -> bool:
        return self._full or self._close_code is not None

    def put(self, text: str) -> None:
        """Queue a frame that must arrive."""
        if self.closing:
            return
        self._entries.append(_Entry(text))
        self._bytes += len(text)
        self._wake.set()
        if self._bytes > self._max_bytes:
            self._drop_ephemeral()
            if self._bytes > self._max_bytes:
                self._full = True
                self._overflow()

    def put_latest(self, key: str, text: str) -> None:
        """Queue a frame of which only the newest matters."""
        if self.closing:
            return
        self._forget(key)
        if self._bytes + len(text) > self._max_bytes:
            return
        entry = self._latest[key] = _Entry(text)
        self._entries.append(entry)
        self._bytes += len(text)
        self._wake.set()

    def close(self, code: int) -> None:
        """Send what waits, then close with `code`; nothing more is taken."""
        if self._close_code is None:
            self._close_code = code
            self._wake.set()

    async def run(self) -> None:
        """Send until closed. Ends by itself after the close frame."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._entries:
                entry = self._entries.popleft()
                text = entry.text
                if text is None:
                    continue
                entry.text = None
                self._bytes -= len(text)
                await self._send({"type": "websocket.send", "text": text})
            if self._close_code is not None:
                await self._send({"type": "websocket.close", "code": self._close_code})
                return

    def _forget(self, key: str) -> None:
        entry = self._latest.pop(key, None)
        if entry is not None and entry.text is not None:
            self._bytes -= len(entry.text)
            entry.text = None

    def _drop_ephemeral(self) -> None:
        for key in list(self._latest):
            self._forget(key)
