"""The hub: one for each process, between the channel layer and the connections.

It joins the groups of the accounts that somebody here watches, keeps each stream's place, fills holes from the log, and
hands every event to the connections that want it, as one shared string.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from channels.layers import get_channel_layer
from django.conf import settings

from realtime import streams
from realtime.announce import CONTROL_GROUP, account_group, register, unregister
from realtime.events import Numbered
from realtime.orm import in_orm
from realtime.outbox import Outbox
from realtime.protocol.errors import CLOSE_REVOKED, CLOSE_TOO_SLOW, ProtocolError
from realtime.protocol.messages import StreamHead
from realtime.session import Session
from trading.reading import read_snapshot

logger = logging.getLogger(__name__)
Key = tuple[int, str]
RECENT = 256
IDLE_LOOKS = 120
REJOIN_S = 1.0


class Subscriber(Protocol):
    """What the hub needs of a connection. `keys` are the streams that it is attached to; the hub keeps them."""

    session: Session
    outbox: Outbox
    keys: set[Key]
    wants_prices: bool

    def close(self, code: int) -> None: ...


class StreamState:
    """Where a watched stream stands in this process, its last events, and who gets the next."""

    __slots__ = ("epoch", "recent", "seq", "subscribers")

    def __init__(self, head: StreamHead) -> None:
        self.epoch = head.epoch
        self.seq = head.seq
        self.recent: deque[tuple[int, str]] = deque(maxlen=RECENT)
        self.subscribers: set[Subscriber] = set()

    def reset(self, epoch: str, seq: int) -> None:
        self.epoch, self.seq = epoch, seq
        self.recent.clear()


class Hub:
    """Fan-out for the connections of one event loop. All methods but `announce` belong to that loop."""

    def __init__(self) -> None:
        self.connections: set[Subscriber] = set()
        self._loop = asyncio.get_running_loop()
        self._layer = get_channel_layer()
        self._channel = ""
        self._streams: dict[Key, StreamState] = {}
        self._accounts: dict[int, int] = {}
        """Watched accounts, and how many looks ago somebody last wanted each."""
        self._watching: dict[int, asyncio.Task[None]] = {}
        self._repairs: dict[Key, asyncio.Task[None]] = {}
        self._outgoing: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._started = asyncio.Lock()

    async def start(self, *workers: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Join the layer and begin to listen, and run other workers besides; does nothing when it has begun."""
        async with self._started:
            if self._tasks:
                return
            await self._join()
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
        self._loop.call_soon_threadsafe(self._outgoing.put_nowait, (group, message))

    async def watch(self, account_id: int) -> None:
        """Begin to follow an account's streams, and bring them up to the log."""
        if account_id in self._accounts:
            self._accounts[account_id] = 0
            await self.catch_up(account_id)
            return
        task = self._watching.get(account_id)
        if task is None:
            task = self._watching[account_id] = asyncio.create_task(self._begin(account_id))
            task.add_done_callback(lambda _: self._watching.pop(account_id, None))
        await asyncio.shield(task)

    async def _begin(self, account_id: int) -> None:
        await self._group_add(account_group(account_id))
        heads = await in_orm(_heads_made_sure, account_id)
        for key, head in heads.items():
            self._streams[key] = StreamState(head)
        self._accounts[account_id] = 0

    async def catch_up(self, account_id: int) -> None:
        """Deliver what the log has of an account and the layer has not brought yet."""
        heads = await in_orm(streams.heads, [account_id])
        await asyncio.gather(*(self._reach(key, head) for key, head in heads.items()))

    def head(self, key: Key) -> StreamHead:
        """Return where a watched stream stands: the next event that is delivered follows it."""
        stream = self._streams[key]
        return StreamHead(stream.epoch, stream.seq)

    async def missed(self, key: Key, since: StreamHead) -> list[str] | None:
        """Return the frames after a place in a watched stream up to its head, or None where they can't all be had.

        When it returns nothing has happened since: attach the connection before the next `await`.
        """
        found: list[str] = []
        seq = since.seq
        while True:
            stream = self._streams[key]
            if since.epoch != stream.epoch or since.seq > stream.seq or stream.seq - since.seq > streams.RESUME_LIMIT:
                return None
            if seq == stream.seq:
                return found
            if stream.recent and stream.recent[0][0] <= seq + 1:
                return found + [frame for number, frame in stream.recent if number > seq]
            rows = await in_orm(streams.after, *key, seq, stream.seq - seq)
            if not rows or rows[0].seq != seq + 1:
                return None
            found += [row.frame for row in rows]
            seq = rows[-1].seq

    def attach(self, connection: Subscriber, keys: Iterable[Key]) -> None:
        """Give a connection exactly the live events of these watched streams from now on."""
        wanted = set(keys)
        for key in connection.keys - wanted:
            if key in self._streams:
                self._streams[key].subscribers.discard(connection)
        for key in wanted:
            self._streams[key].subscribers.add(connection)
        connection.keys = wanted

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

    def _take(self, key: Key, epoch: str, seq: int, frame: str) -> None:
        """Deliver the next event of a stream; drop one that was delivered; repair where one is missing."""
        stream = self._streams.get(key)
        if stream is None:
            return
        if epoch == stream.epoch and seq <= stream.seq:
            return
        if epoch != stream.epoch or seq != stream.seq + 1:
            self._repair(key)
            return
        stream.seq = seq
        stream.recent.append((seq, frame))
        for connection in stream.subscribers:
            connection.outbox.put(frame)

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
            head, rows = await in_orm(_head_and_after, key, stream.seq)
            if head.epoch != stream.epoch or (rows and rows[0].seq > stream.seq + 1):
                # The history is another one, or no longer whole: those who follow it must load and subscribe anew.
                stream.reset(head.epoch, head.seq)
                for connection in list(stream.subscribers):
                    connection.close(CLOSE_TOO_SLOW)
                return
            for row in rows:
                self._take(key, row.epoch, row.seq, row.frame)
            if len(rows) < streams.RESUME_LIMIT:
                return

    async def _reach(self, key: Key, head: StreamHead) -> None:
        stream = self._streams.get(key)
        while stream is not None and (stream.epoch != head.epoch or stream.seq < head.seq):
            before = (stream.epoch, stream.seq)
            await self._repair(key)
            if (stream.epoch, stream.seq) == before:
                return

    async def _listen(self) -> None:
        """Take messages from the layer; when it fails, join again: the looks bridge the time between."""
        while True:
            if not self._channel:
                await asyncio.sleep(REJOIN_S)
                await self._join()
                continue
            try:
                message = await self._layer.receive(self._channel)
            except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
                logger.warning("The channel layer failed (%s); joining again", error)
                self._channel = ""
                continue
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "account.events":
            for channel, epoch, seq, frame in message["events"]:
                self._take((message["account_id"], channel), epoch, seq, frame)
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
        if not self._accounts:
            return
        heads = await in_orm(streams.heads, list(self._accounts))
        for key, head in heads.items():
            stream = self._streams.get(key)
            if stream is not None and (stream.epoch != head.epoch or stream.seq < head.seq):
                self._repair(key)
        used = {account_id for (account_id, _), stream in self._streams.items() if stream.subscribers}
        for account_id in self._accounts:
            self._accounts[account_id] = 0 if account_id in used else self._accounts[account_id] + 1

    async def _unwatch(self, account_id: int) -> None:
        keys = [key for key in self._streams if key[0] == account_id]
        if any(self._streams[key].subscribers for key in keys):
            return
        del self._accounts[account_id]
        for key in keys:
            del self._streams[key]
        if self._channel:
            await self._layer.group_discard(account_group(account_id), self._channel)

    async def _join(self) -> None:
        """Take a channel of the layer and join the groups of all that is watched."""
        self._channel = ""
        try:
            channel = await self._layer.new_channel("hub")
            for group in (CONTROL_GROUP, *map(account_group, self._accounts)):
                await self._layer.group_add(group, channel)
        except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
            logger.warning("The channel layer can't be joined (%s); events still come from the log", error)
        else:
            self._channel = channel

    async def _group_add(self, group: str) -> None:
        if not self._channel:
            return
        try:
            await self._layer.group_add(group, self._channel)
        except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
            logger.warning("The channel layer can't be reached (%s); events still come from the log", error)
            self._channel = ""


def _heads_made_sure(account_id: int) -> dict[Key, StreamHead]:
    streams.create_streams([account_id])
    return streams.heads([account_id])


def _head_and_after(key: Key, seq: int) -> tuple[StreamHead, list[Numbered]]:
    with read_snapshot():
        return streams.heads([key[0]])[key], streams.after(*key, seq)
