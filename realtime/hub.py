"""The hub: one for each process, between the channel layer and the connections.

It joins the groups of the accounts that somebody here watches, keeps each stream's place, fills holes from the log, and
hands every event to the connections that want it, as one shared string.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from channels.layers import get_channel_layer
from django.conf import settings

from realtime import streams
from realtime.announce import CONTROL_GROUP, account_group, register, unregister
from realtime.events import Numbered
from realtime.frames import Burst, Frame
from realtime.orm import in_background
from realtime.outbox import Outbox
from realtime.pages import LogPages
from realtime.protocol.channels import DURABLE
from realtime.protocol.errors import CLOSE_REVOKED, CLOSE_TOO_SLOW, ProtocolError
from realtime.protocol.messages import StreamHead
from realtime.session import Session
from trading.reading import read_snapshot

logger = logging.getLogger(__name__)
Key = tuple[int, str]
RECENT = 256
IDLE_LOOKS = 120
REJOIN_S = 1.0
MOST_WAITING = 10_000
LAYER_PATIENCE_S = 1.0
"""A layer that hangs must not hold up those who subscribe: events come from the log meanwhile."""


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
        self._layer = get_channel_layer()
        self._channel = ""
        self._unjoined: set[str] = set()
        """Groups that the layer did not let us join yet."""
        self._streams: dict[Key, StreamState] = {}
        self._accounts: dict[int, int] = {}
        """Watched accounts, and how many looks ago somebody last wanted each."""
        self._pins: Counter[int] = Counter()
        """Accounts that somebody is about to attach to."""
        self._watching: dict[int, asyncio.Task[None]] = {}
        self._repairs: dict[Key, asyncio.Task[None]] = {}
        self._behind: set[int] = set()
        """Accounts that the next reading of where streams stand is for."""
        self._next_reading: asyncio.Task[None] | None = None
        self._reading_heads = asyncio.Lock()
        self._outgoing: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(MOST_WAITING)
        self._tasks: list[asyncio.Task[None]] = []
        self._started = asyncio.Lock()

    async def start(self, *workers: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Join the layer and begin to listen, and run other workers besides; does nothing when it has begun."""
        async with self._started:
            if self._tasks:
                return
            register(self)
            for work in (self._listen, self._announce, self._look, *workers):
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
        self._loop.call_soon_threadsafe(self._enqueue, group, message)

    def _enqueue(self, group: str, message: dict[str, Any]) -> None:
        try:
            self._outgoing.put_nowait((group, message))
        except asyncio.QueueFull:  # the layer hangs; what it is not told, the log still tells
            logger.warning("The channel layer does not keep up; an announcement was dropped, the log has it")

    def pin(self, account_id: int) -> None:
        """Keep an account watched until it is unpinned."""
        self._pins[account_id] += 1

    def unpin(self, account_id: int) -> None:
        self._pins[account_id] -= 1

    async def watch(self, account_id: int) -> None:
        """Begin to follow an account's streams, and bring them up to the log."""
        task = self._watching.get(account_id)
        if task is None and account_id in self._accounts:
            self._accounts[account_id] = 0
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
        self._accounts[account_id] = 0
        try:
            await self._group_add(account_group(account_id))
            heads = await in_background(_heads_made_sure, account_id)
        except BaseException:
            self._accounts.pop(account_id, None)
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

    async def _listen(self) -> None:
        """Take messages from the layer; when it fails, join again: the looks bridge the time between."""
        while True:
            if not self._channel:
                await self._join()
            if not self._channel:
                await asyncio.sleep(REJOIN_S)
                continue
            try:
                message = await self._layer.receive(self._channel)
            except Exception:
                logger.exception("The channel layer failed; joining again")
                self._channel = ""
                await asyncio.sleep(REJOIN_S)
                continue
            try:
                self._hear(message)
            except Exception:
                logger.exception("A message of the channel layer can't be understood; the log has what it tells")

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

    async def _announce(self) -> None:
        while True:
            group, message = await self._outgoing.get()
            try:
                async with asyncio.timeout(LAYER_PATIENCE_S):
                    await self._layer.group_send(group, message)
            except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
                logger.warning("The channel layer did not take an announcement (%s); the log still has it", error)

    async def _look(self) -> None:
        """Compare every watched stream with the log a few times a second: what the layer lost is found here."""
        while True:
            await asyncio.sleep(settings.HYPERORU_LOG_LOOK_S)
            try:
                await self._look_once()
            except ProtocolError as error:
                logger.warning("The log can't be read: %s", error.message)
            except Exception:
                logger.exception("A look at the log failed")

    async def _look_once(self) -> None:
        for account_id in [a for a, looks in self._accounts.items() if looks > IDLE_LOOKS]:
            await self._unwatch(account_id)
        for group in list(self._unjoined):
            await self._group_add(group)
        if not self._accounts:
            return
        heads = await in_background(streams.heads, list(self._accounts))
        for key, head in heads.items():
            stream = self._streams.get(key)
            if stream is not None and (stream.epoch != head.epoch or stream.seq < head.seq):
                self._repair(key)
        used = {account_id for (account_id, _), stream in self._streams.items() if stream.subscribers}
        for account_id in self._accounts:
            self._accounts[account_id] = 0 if account_id in used else self._accounts[account_id] + 1

    async def _unwatch(self, account_id: int) -> None:
        """Let go of an account that nobody has wanted for a while, unless somebody does by now."""
        keys = [key for key in self._streams if key[0] == account_id]
        wanted = self._pins[account_id] > 0 or any(self._streams[key].subscribers for key in keys)
        if wanted or self._accounts.get(account_id, 0) <= IDLE_LOOKS:
            return
        del self._pins[account_id]
        del self._accounts[account_id]
        for key in keys:
            del self._streams[key]
        group = account_group(account_id)
        self._unjoined.discard(group)
        try:
            if self._channel:
                async with asyncio.timeout(LAYER_PATIENCE_S):
                    await self._layer.group_discard(group, self._channel)
        except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
            logger.warning("The channel layer can't be reached (%s)", error)
        if account_id in self._accounts:  # somebody came back meanwhile
            await self._group_add(group)

    async def _join(self) -> None:
        """Take a channel of the layer and join the groups of all that is watched."""
        try:
            async with asyncio.timeout(LAYER_PATIENCE_S):
                self._channel = await self._layer.new_channel("hub")
        except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
            logger.warning("The channel layer can't be joined (%s); events still come from the log", error)
            return
        for group in (CONTROL_GROUP, *map(account_group, list(self._accounts))):
            await self._group_add(group)

    async def _group_add(self, group: str) -> None:
        """Join a group; what can't be joined now is tried again at each look."""
        if not self._channel:
            return
        try:
            async with asyncio.timeout(LAYER_PATIENCE_S):
                await self._layer.group_add(group, self._channel)
        except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
            logger.warning("The channel layer can't be reached (%s); events still come from the log", error)
            self._unjoined.add(group)
        else:
            self._unjoined.discard(group)


def _heads_made_sure(account_id: int) -> dict[Key, StreamHead]:
    heads = streams.heads([account_id])
    if len(heads) < len(DURABLE):
        streams.create_streams([account_id])
        heads = streams.heads([account_id])
    return heads


def _head_and_after(key: Key, seq: int) -> tuple[StreamHead, list[Numbered]]:
    with read_snapshot():
        return streams.heads([key[0]])[key], streams.after(*key, seq)
