"""The hub: one for each process, between the channel layer and the connections.

It joins the groups of the accounts that somebody here watches, keeps each stream's place, fills holes from the log, and
hands every event to the connections that want it, as one shared string.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from realtime import streams
from realtime.announce import account_group, register, unregister
from realtime.events import Numbered
from realtime.frames import Burst, Frame
from realtime.layer import Layer
from realtime.orm import in_background
from realtime.outbox import Outbox
from realtime.pages import LogPages
from realtime.protocol.channels import DURABLE
from realtime.protocol.errors import CLOSE_REVOKED, CLOSE_TOO_SLOW
from realtime.protocol.messages import StreamHead
from realtime.session import Session
from trading.reading import read_snapshot

Key = tuple[int, str]
RECENT = 256
IDLE_S = 24.0
"""How long an account is followed after the last who wanted it is gone."""


class Subscriber(Protocol):
    """What the hub needs of a connection. `keys` are the streams that it is attached to; the hub keeps them."""

    session: Session
    outbox: Outbox
    keys: set[Key]
    wants_prices: bool
    in_flight: set[asyncio.Task[None]]

    def close(self, code: int) -> None: ...


class StreamState:
    """Where a watched stream stands in this process, its last events, and who gets the next."""

    __slots__ = ("epoch", "recent", "seq", "subscribers")

    def __init__(self, head: StreamHead) -> None:
        self.epoch = head.epoch
        self.seq = head.seq
        self.recent: deque[tuple[int, Frame]] = deque(maxlen=RECENT)
        self.subscribers: set[Subscriber] = set()

    def reset(self, epoch: str, seq: int) -> None:
        self.epoch, self.seq = epoch, seq
        self.recent.clear()


class Hub:
    """Fan-out for the connections of one event loop. All methods but `announce` belong to that loop."""

    def __init__(self) -> None:
        self.connections: set[Subscriber] = set()
        self.pages = LogPages()
        self.draining = False
        """The process is about to end: nobody is let in, nothing new is begun."""
        self._loop = asyncio.get_running_loop()
        self._layer = Layer(self._hear)
        self._streams: dict[Key, StreamState] = {}
        self._accounts: dict[int, float] = {}
        """Watched accounts, and when somebody was last seen to want each, by the loop's clock."""
        self._pins: Counter[int] = Counter()
        """Accounts that somebody is about to attach to."""
        self._watching: dict[int, asyncio.Task[None]] = {}
        self._repairs: dict[Key, asyncio.Task[None]] = {}
        self._behind: set[int] = set()
        """Accounts that the next reading of where streams stand is for."""
        self._next_reading: asyncio.Task[None] | None = None
        self._reading_heads = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._started = asyncio.Lock()

    async def start(self, *workers: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Join the layer and begin to listen, and run other workers besides; does nothing when it has begun."""
        async with self._started:
            if self._tasks:
                return
            register(self)
            for work in (*self._layer.workers, *workers):
                self._tasks.append(asyncio.create_task(work()))

    async def stop(self) -> None:
        """Leave the layer and end all tasks."""
        unregister(self)
        tasks = [*self._tasks, *self._repairs.values(), *self._watching.values()]
        self._tasks = []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def announce(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to a group of the layer, in the order of the calls. From any thread."""
        self._layer.announce(group, message)

    @property
    def accounts(self) -> Collection[int]:
        """Return the accounts that are watched."""
        return self._accounts.keys()

    def pin(self, account_id: int) -> None:
        """Keep an account watched until it is unpinned."""
        self._pins[account_id] += 1

    def unpin(self, account_id: int) -> None:
        self._pins[account_id] -= 1

    async def watch(self, account_id: int) -> None:
        """Begin to follow an account's streams, and bring them up to the log."""
        task = self._watching.get(account_id)
        if task is None and account_id in self._accounts:
            self._accounts[account_id] = self._loop.time()
            await self.catch_up(account_id)
            return
        if task is not None:  # somebody else's, which may have read the log before we read what we come from
            await asyncio.shield(task)
            await self.catch_up(account_id)
            return
        task = self._watching[account_id] = asyncio.create_task(self._begin(account_id))
        task.add_done_callback(lambda _: self._watching.pop(account_id, None))
        await asyncio.shield(task)

    async def _begin(self, account_id: int) -> None:
        self._accounts[account_id] = self._loop.time()
        try:
            await self._layer.join(account_group(account_id))
            heads = await in_background(_heads_made_sure, account_id)
        except BaseException:
            del self._accounts[account_id]
            self._layer.leave(account_group(account_id))
            raise
        for key, head in heads.items():
            self._streams.setdefault(key, StreamState(head))

    async def catch_up(self, account_id: int) -> None:
        """Deliver what the log has of an account by now and the layer has not brought yet.

        All who ask while the log is read for others share the next reading: a crowd that comes back costs a few.
        """
        self._behind.add(account_id)
        if self._next_reading is None:
            self._next_reading = asyncio.create_task(self._read_heads())
        await asyncio.shield(self._next_reading)

    async def _read_heads(self) -> None:
        async with self._reading_heads:
            accounts, self._behind, self._next_reading = self._behind, set(), None
            heads = await in_background(streams.heads, accounts)
        await asyncio.gather(*(self._reach(key, head) for key, head in heads.items()))

    def head(self, key: Key) -> StreamHead:
        """Return where a watched stream stands: the next event that is delivered follows it."""
        stream = self._streams[key]
        return StreamHead(stream.epoch, stream.seq)

    def recent(self, key: Key, seq: int) -> Burst | None:
        """Return the events of a watched stream after a number up to its head, or None where memory has not all.

        There must be some: the number is before the head.
        """
        stream = self._streams[key]
        if stream.recent and stream.recent[0][0] <= seq + 1:
            return Burst([frame for number, frame in stream.recent if number > seq])
        return None

    def attach(self, connection: Subscriber, keys: Iterable[Key]) -> None:
        """Give a connection exactly the live events of these watched streams from now on."""
        wanted = {key: self._streams[key] for key in keys}
        for key in connection.keys - wanted.keys():
            if key in self._streams:
                self._streams[key].subscribers.discard(connection)
        for stream in wanted.values():
            stream.subscribers.add(connection)
        connection.keys = set(wanted)

    def forget(self, connection: Subscriber) -> None:
        """Drop a connection that is gone."""
        self.attach(connection, ())
        self.connections.discard(connection)

    def subscribers(self, channel: str) -> dict[int, set[Subscriber]]:
        """Return who is subscribed to a durable channel, by account."""
        return {
            account_id: stream.subscribers
            for (account_id, name), stream in self._streams.items()
            if name == channel and stream.subscribers
        }

    def seq(self, account_id: int, channel: str) -> int | None:
        stream = self._streams.get((account_id, channel))
        return None if stream is None else stream.seq

    def _take(self, key: Key, events: Iterable[tuple[str, int, str]]) -> None:
        """Deliver the next events (epoch, seq, text) of a stream; drop those delivered; repair where one is missing."""
        stream = self._streams.get(key)
        if stream is None:
            return
        fresh: list[Frame] = []
        for epoch, seq, text in events:
            if epoch == stream.epoch and seq <= stream.seq:
                continue
            if epoch != stream.epoch or seq != stream.seq + 1:
                self._repair(key)
                break
            stream.seq = seq
            frame = Frame(text)
            stream.recent.append((seq, frame))
            fresh.append(frame)
        if fresh:
            burst = Burst(fresh)
            for connection in stream.subscribers:
                connection.outbox.put_burst(burst)

    def _repair(self, key: Key) -> asyncio.Task[None]:
        task = self._repairs.get(key)
        if task is None:
            task = self._repairs[key] = asyncio.create_task(self._fill(key))
            task.add_done_callback(lambda _: self._repairs.pop(key, None))
        return task

    async def _fill(self, key: Key) -> None:
        """Read a stream's missing events from the log until there are no more."""
        while key in self._streams:
            stream = self._streams[key]
            asked = stream.seq
            head, rows = await in_background(_head_and_after, key, asked)
            pruned = (rows[0].seq if rows else head.seq + 1) > asked + 1
            if pruned and head.epoch == stream.epoch and stream.seq != asked:
                continue  # the layer brought meanwhile what the log had no more
            if pruned or head.epoch != stream.epoch:
                # The history is another one, or no longer whole: those who follow it must load and subscribe anew.
                stream.reset(head.epoch, head.seq)
                for connection in list(stream.subscribers):
                    connection.close(CLOSE_TOO_SLOW)
                return
            self._take(key, [(row.epoch, row.seq, row.frame) for row in rows])
            if len(rows) < streams.RESUME_LIMIT:
                return

    async def _reach(self, key: Key, head: StreamHead) -> None:
        """Bring a stream up to a place that the log is known to have reached."""
        stream = self._streams.get(key)
        while stream is not None and (stream.epoch != head.epoch or stream.seq < head.seq):
            before = (stream.epoch, stream.seq)
            joined = key in self._repairs  # it may have read the log before that place was written
            await self._repair(key)
            if (stream.epoch, stream.seq) == before and not joined:
                return

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "account.events":
            for channel, run in groupby(message["events"], itemgetter(0)):
                self._take((message["account_id"], channel), [(epoch, seq, text) for _, epoch, seq, text in run])
        elif message["type"] == "session.control":
            self.cut([message["revoked"]])

    def cut(self, tokens: Iterable[int]) -> None:
        """Close the connections of tokens that were revoked."""
        revoked = set(tokens)
        for connection in list(self.connections):
            identity = connection.session.identity
            if identity is not None and identity.token in revoked:
                connection.close(CLOSE_REVOKED)

    def compare(self, heads: Mapping[Key, StreamHead]) -> None:
        """Begin to repair what is watched and is behind a place that the log has reached, or of another epoch."""
        for key, head in heads.items():
            stream = self._streams.get(key)
            if stream is not None and (stream.epoch != head.epoch or stream.seq < head.seq):
                self._repair(key)

    def let_go(self, account_ids: Iterable[int]) -> None:
        """Stop following those of these watched accounts that nobody has wanted for a while."""
        now = self._loop.time()
        for account_id in account_ids:
            if self._is_wanted(account_id):
                self._accounts[account_id] = now
            elif now - self._accounts.get(account_id, now) > IDLE_S:
                self._unwatch(account_id)

    def _is_wanted(self, account_id: int) -> bool:
        if self._pins[account_id] > 0 or account_id in self._watching:
            return True
        followed = (self._streams.get((account_id, channel)) for channel in DURABLE)
        return any(stream is not None and stream.subscribers for stream in followed)

    def _unwatch(self, account_id: int) -> None:
        del self._pins[account_id]
        del self._accounts[account_id]
        for channel in DURABLE:
            self._streams.pop((account_id, channel), None)
        self._layer.leave(account_group(account_id))


def _heads_made_sure(account_id: int) -> dict[Key, StreamHead]:
    heads = streams.heads([account_id])
    if len(heads) < len(DURABLE):
        streams.create_streams([account_id])
        heads = streams.heads([account_id])
    return heads


def _head_and_after(key: Key, seq: int) -> tuple[StreamHead, list[Numbered]]:
    with read_snapshot():
        return streams.heads([key[0]])[key], streams.after(*key, seq)
