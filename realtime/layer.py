"""The hub's line to the channel layer: groups joined and left, messages heard and sent.

A layer that hangs holds up nobody: joining, leaving and sending are done by tasks of their own, and what the layer does
not bring meanwhile is found in the log.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

from channels.layers import get_channel_layer

from realtime.announce import CONTROL_GROUP
from realtime.outages import Outage

logger = logging.getLogger(__name__)
Message = dict[str, Any]
MOST_WAITING = 10_000
REJOIN_S = 1.0
PATIENCE_S = 1.0
"""How long one call of the layer may take."""
JOIN_WAIT_S = 0.1
"""How long somebody who asks for a group waits until it is joined. A layer that works needs a hundredth of it."""


class Layer:
    """The layer as one event loop uses it. All methods but `announce` belong to that loop."""

    def __init__(self, hear: Callable[[Message], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._backend = get_channel_layer()
        self._hear = hear
        self._channel = ""
        self._wanted = {CONTROL_GROUP}
        self._joined: set[str] = set()
        self._unsettled: OrderedDict[str, asyncio.Event] = OrderedDict()
        """Groups to join or leave, in turn; the event is set once that is done, or can't be done now."""
        self._to_settle = asyncio.Event()
        self._outgoing: asyncio.Queue[tuple[str, Message]] = asyncio.Queue(MOST_WAITING)
        self._joining = Outage(logger, "Groups of the channel layer can't be joined")
        self._sending = Outage(logger, "The channel layer does not take announcements")
        self._dropping = Outage(logger, "The channel layer does not keep up; announcements are dropped")

    @property
    def workers(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """Return what must run as tasks."""
        return self._listen, self._settle, self._send

    async def join(self, group: str) -> None:
        """Ask to be in a group. Waits until it is, but a moment at most, and not at all while the layer fails."""
        self._wanted.add(group)
        settled = self._ask(group)
        if self._joining.lasts:
            return
        try:
            async with asyncio.timeout(JOIN_WAIT_S):
                await settled.wait()
        except TimeoutError:
            pass  # it goes on in the background; the log has what it would bring until then

    def leave(self, group: str) -> None:
        """Ask to be out of a group."""
        self._wanted.discard(group)
        self._ask(group)

    def announce(self, group: str, message: Message) -> None:
        """Send a message to a group, in the order of the calls. From any thread."""
        self._loop.call_soon_threadsafe(self._enqueue, group, message)

    def _enqueue(self, group: str, message: Message) -> None:
        try:
            self._outgoing.put_nowait((group, message))
        except asyncio.QueueFull:
            self._dropping.failed("the log has them")

    def _ask(self, group: str) -> asyncio.Event:
        settled = self._unsettled.setdefault(group, asyncio.Event())
        self._to_settle.set()
        return settled

    async def _listen(self) -> None:
        """Take a channel of the layer, and its messages."""
        while not self._channel:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    self._channel = await self._backend.new_channel("hub")
            except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
                self._fail(error)
                await asyncio.sleep(REJOIN_S)
        self._ask(CONTROL_GROUP)
        while True:
            try:
                message = await self._backend.receive(self._channel)
            except Exception:
                logger.exception("The channel layer failed; the log has what it does not bring")
                await asyncio.sleep(REJOIN_S)
                continue
            try:
                self._hear(message)
            except Exception:
                logger.exception("A message of the channel layer can't be understood; the log has what it tells")

    async def _settle(self) -> None:
        """Join and leave groups one after another; when one fails, wait before the next is tried."""
        while True:
            await self._to_settle.wait()
            self._to_settle.clear()
            if not self._channel:
                continue  # when there is one, there is something to join
            try:
                while self._unsettled:
                    await self._settle_next()
            except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
                self._fail(error)
                await asyncio.sleep(REJOIN_S)
                self._to_settle.set()

    async def _settle_next(self) -> None:
        group = next(iter(self._unsettled))
        wanted = group in self._wanted
        if wanted != (group in self._joined):
            async with asyncio.timeout(PATIENCE_S):
                if wanted:
                    await self._backend.group_add(group, self._channel)
                    self._joined.add(group)
                else:
                    self._joined.discard(group)  # first: whether it was left is unknown if that fails
                    await self._backend.group_discard(group, self._channel)
            self._joining.over()
        if (group in self._wanted) == (group in self._joined):  # nobody thought better of it meanwhile
            self._unsettled.pop(group).set()

    def _fail(self, error: Exception) -> None:
        """Remember that the layer fails, and let those go on who wait for it."""
        self._joining.failed(f"{str(error) or type(error).__name__}; events still come from the log")
        for settled in self._unsettled.values():
            settled.set()

    async def _send(self) -> None:
        while True:
            group, message = await self._outgoing.get()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._backend.group_send(group, message)
            except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
                self._sending.failed(f"{str(error) or type(error).__name__}; the log has them")
            else:
                self._sending.over()
            if self._outgoing.empty():
                self._dropping.over()
