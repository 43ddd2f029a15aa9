"""What waits to be sent to one connection."""

import asyncio
from collections import deque
from collections.abc import Callable

from realtime.frames import Burst, Frame
from realtime.transports import Transport

CLOSED_WITHIN_S = 5.0
"""How long a close waits for what is queued before it."""


class _Entry:
    """A frame that waits. `size` is what it counts against the bound: 0 where it is a replayed one."""

    __slots__ = ("at", "frame", "size")

    def __init__(self, frame: Frame | None, size: int, at: float) -> None:
        self.frame = frame
        self.size = size
        self.at = at


class Outbox:
    """Frames for one connection: written at once while the peer reads, queued while it doesn't.

    The queue is bounded by bytes and by age: that of what waits longest, and the time in which the peer took nothing.
    Replies and durable events are sent in the order in which they were put.
    An ephemeral event replaces the one of its key that still waits, at the newer one's place: it may never overtake,
    nor be overtaken by, what it was put between. When the bound is passed ephemeral events are dropped first; then
    `overflow` is called, once. Events replayed from the log don't count: the log bounds them, and who asks for a replay
    waits until the one before is sent.
    """

    __slots__ = (
        "_bytes",
        "_close_code",
        "_entries",
        "_full",
        "_latest",
        "_max_age",
        "_max_bytes",
        "_moved_at",
        "_overflow",
        "_replay_sent",
        "_replayed",
        "_replayed_at",
        "_timer",
        "_transport",
    )

    def __init__(self, transport: Transport, max_bytes: int, max_age: float, overflow: Callable[[], None]) -> None:
        self._transport = transport
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._overflow = overflow
        self._entries: deque[_Entry] | None = None  # made for those that need it: most peers never do
        self._latest: dict[str, _Entry] | None = None
        self._bytes = 0
        self._replayed = 0
        """Replayed frames that wait."""
        self._replay_sent: asyncio.Event | None = None
        self._close_code: int | None = None
        self._full = False
        self._timer: asyncio.TimerHandle | None = None
        self._moved_at = self._replayed_at = 0.0
        transport.on_writable = self._drain

    @property
    def queued_bytes(self) -> int:
        return self._bytes

    @property
    def closing(self) -> bool:
        return self._full or self._close_code is not None

    def put(self, frame: Frame | str) -> None:
        """Send a frame that must arrive."""
        if self._full or self._close_code is not None:
            return
        if isinstance(frame, str):
            frame = Frame(frame)
        if not self._entries and self._transport.is_writable:
            self._transport.write(frame)
            return
        self._queue(frame, len(frame))
        if self._bytes > self._max_bytes:
            self._drop_ephemeral()
            if self._bytes > self._max_bytes:
                self._give_up()

    def put_burst(self, burst: Burst) -> None:
        """Send frames that must arrive, in their order."""
        if not self._entries and self._transport.is_writable and not self.closing:
            self._transport.write_burst(burst)
            return
        for frame in burst.frames:
            self.put(frame)

    def put_replayed(self, burst: Burst) -> None:
        """Send events out of the log, behind what waits."""
        if self.closing:
            return
        if not self._entries and self._transport.is_writable:
            self._transport.write_burst(burst)
            return
        for frame in burst.frames:
            self._queue(frame, 0)
        self._replayed += len(burst.frames)

    async def replay_sent(self) -> None:
        """Wait until no replayed event waits: a peer that does not read must not make them pile up."""
        while self._replayed and not self.closing:
            self._replay_sent = asyncio.Event()
            await self._replay_sent.wait()

    def put_latest(self, key: str, frame: Frame) -> None:
        """Send a frame of which only the newest matters."""
        if self.closing:
            return
        if not self._entries and self._transport.is_writable:
            self._transport.write(frame)
            return
        self._forget(key)
        if self._bytes + len(frame) > self._max_bytes:
            return
        if self._latest is None:
            self._latest = {}
        self._latest[key] = self._queue(frame, len(frame))

    def close(self, code: int) -> None:
        """Send what waits, then close with `code`; nothing more is taken."""
        if self.closing:
            return
        self._close_code = code
        self._tell_replay_sent()
        self._drain()
        if not self._full:  # something waits
            self._stop_timer()
            self._timer = asyncio.get_running_loop().call_later(CLOSED_WITHIN_S, self._cut)

    def drop(self) -> None:
        """Forget what waits: the socket is gone."""
        self._full = True
        self._entries = self._latest = None
        self._bytes = self._replayed = 0
        self._tell_replay_sent()
        self._stop_timer()

    def _queue(self, frame: Frame, size: int) -> _Entry:
        loop = asyncio.get_running_loop()
        entry = _Entry(frame, size, loop.time())
        if not self._entries:
            self._entries = deque()
            self._moved_at = entry.at
        self._entries.append(entry)
        self._bytes += size
        if self._timer is None and self._max_age:
            self._timer = loop.call_later(self._max_age, self._check_age)
        return entry

    def _drain(self) -> None:
        """Write what waits while the peer takes it."""
        transport, entries = self._transport, self._entries
        if entries and transport.is_writable:
            self._moved_at = asyncio.get_running_loop().time()
        while entries and transport.is_writable:
            entry = entries.popleft()
            frame, entry.frame = entry.frame, None
            if frame is not None:
                self._bytes -= entry.size
                if not entry.size:
                    self._replayed -= 1
                    self._replayed_at = self._moved_at
                transport.write(frame)
        if not self._replayed:
            self._tell_replay_sent()
        if not entries and self._close_code is not None and not self._full and transport.is_writable:
            code = self._close_code
            self.drop()
            transport.close(code)

    def _tell_replay_sent(self) -> None:
        if self._replay_sent is not None:
            self._replay_sent.set()
            self._replay_sent = None

    def _check_age(self) -> None:
        """Give up on a peer that has left something waiting for too long, or has taken nothing at all."""
        self._timer = None
        entries = self._entries
        while entries and entries[0].frame is None:
            entries.popleft()
        if not entries:
            return
        since = self._moved_at
        if entries[0].size:  # what was put behind a replay had to wait for that
            since = min(since, max(entries[0].at, self._replayed_at))
        loop = asyncio.get_running_loop()
        left = since + self._max_age - loop.time()
        if left <= 0:
            self._give_up()
        else:
            self._timer = loop.call_later(left, self._check_age)

    def _give_up(self) -> None:
        self.drop()
        self._overflow()

    def _cut(self) -> None:
        """Close a peer that does not take what waits before the close."""
        code = self._close_code
        assert code is not None, "close sets the timer"
        self.drop()
        self._transport.cut(code)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self, key: str) -> None:
        entry = self._latest.pop(key, None) if self._latest else None
        if entry is not None and entry.frame is not None:
            self._bytes -= entry.size
            entry.frame = None

    def _drop_ephemeral(self) -> None:
        for key in list(self._latest or ()):
            self._forget(key)
