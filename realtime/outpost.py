"""Announcing from a process that serves no sockets: an engine, a command, a shell."""

import asyncio
import atexit
import logging
import queue
import threading
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

from realtime.outages import Outage

logger = logging.getLogger(__name__)
MOST_WAITING = 10_000
LAST_WORDS_S = 2.0
PATIENCE_S = 1.0
"""How long one announcement may take."""
Waiting = queue.Queue[tuple[str, dict[str, Any]] | None]


class Outpost:
    """A thread with one event loop and one connection to the layer, started when it is first needed.

    A loop and a connection for each message would be slow, and a layer that hangs would hold up whoever writes. When
    too much waits, messages are dropped: the log has them all.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Waiting = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._dropping = Outage(logger, "The channel layer does not keep up; announcements are dropped")
        atexit.register(self.close)

    def announce(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to a group, in the order of the calls, without waiting."""
        with self._lock:
            if self._thread is None:
                self._waiting = queue.Queue(MOST_WAITING)
                self._thread = threading.Thread(target=_send_all, args=(self._waiting,), name="outpost", daemon=True)
                self._thread.start()
            try:
                if self._dropping.lasts and self._waiting.empty():
                    self._dropping.over()
                self._waiting.put_nowait((group, message))
            except queue.Full:
                self._dropping.failed("the log has them")

    def close(self) -> None:
        """Give what waits a moment to leave: a command's last words are often its only ones."""
        with self._lock:
            thread, self._thread = self._thread, None
            waiting = self._waiting
        if thread is not None:
            with suppress(queue.Full):
                waiting.put(None, timeout=LAST_WORDS_S)
            thread.join(LAST_WORDS_S)


def _send_all(waiting: Waiting) -> None:
    """Send what comes until None does. Waits in this thread: one of a pool's would keep the process from ending."""
    layer = get_channel_layer()
    sending = Outage(logger, "The channel layer does not take announcements")
    with asyncio.Runner() as runner:
        while (item := waiting.get()) is not None:
            try:
                runner.run(_send(layer, *item))
            except Exception as error:  # noqa: BLE001  (each layer has errors of its own)
                sending.failed(f"{str(error) or type(error).__name__}; the log has them")
            else:
                sending.over()


async def _send(layer: Any, group: str, message: dict[str, Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await layer.group_send(group, message)


outpost = Outpost()
