"""The requests of one connection, from the frame to the answer."""

import asyncio
import logging
from time import monotonic_ns
from typing import Any

from django.conf import settings
from django.utils import timezone

from realtime.connection import Connection
from realtime.handlers import ROUTES, Lane, Route
from realtime.limits import FrameLimits, too_many_messages
from realtime.protocol import messages
from realtime.protocol.codec import BadEnvelope, Incoming, RequestId, decode, encode, open_frame
from realtime.protocol.errors import CLOSE_TOO_BIG, ProtocolError, unavailable

logger = logging.getLogger(__name__)
READS_AT_ONCE = 2
RESTART_MS = 1_000


def _is_too_big(text: str) -> bool:
    """Tell whether a frame is over the limit; encode it only where its characters leave that open."""
    most = settings.HYPERORU_MAX_FRAME_BYTES
    return len(text) > most or (len(text) * 4 > most and len(text.encode()) > most)


class Requests:
    """The requests of one connection: each is answered exactly once, whatever happens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._limits = FrameLimits()
        self._tasks = connection.in_flight
        self._lock = asyncio.Lock()
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
        self._reads_waiting = 0
        self._reads_begun = asyncio.Event()
        self._reads_begun.set()
        self._changing = 0
        """Requests that change the session and are not answered yet: what came after them waits."""

    def take(self, text: str | None) -> None:
        """Answer one frame: at once if that needs no waiting, else in a task."""
        connection = self._connection
        if connection.outbox.closing:  # it could not be answered any more, so it is not carried out either
            return
        if text is not None and _is_too_big(text):
            connection.close(CLOSE_TOO_BIG)
            return
        now = monotonic_ns()
        wait = self._limits.take(now)
        try:
            if text is None:
                raise BadEnvelope("bad_request", "Frames must be text, not binary.")
            incoming = open_frame(text)
        except BadEnvelope as error:
            self._refuse(too_many_messages(wait) if wait else error, error.request_id, error.type)
            self._close_if_due(self._limits.judge(now, refused=wait > 0, malformed=True))
            return
        if wait:
            self._refuse(too_many_messages(wait), incoming.request_id, incoming.type)
            self._close_if_due(self._limits.judge(now, refused=True, malformed=False))
            return
        if incoming.type == "ping":
            pong = messages.Pong(server_time=timezone.now())
            connection.outbox.put(encode("pong", pong, incoming.request_id))
            return
        try:
            route, data = self._admit(incoming)
        except ProtocolError as error:
            self._refuse(error, incoming.request_id, incoming.type)
            return
        if route.lane is Lane.SESSION:
            self._changing += 1
        task = asyncio.create_task(self._run(incoming, route, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _admit(self, incoming: Incoming) -> tuple[Route, Any]:
        if self._connection.hub.draining:
            raise ProtocolError("restarting", "The server is stopping; connect again.", retry_after_ms=RESTART_MS)
        route = ROUTES.get(incoming.type)
        connected = self._connection.session.connected or self._changing
        if not connected and (route is None or route.needs_session):
            raise ProtocolError("unauthorized", "Send connect with a session_token first.")
        if route is None:
            known = ", ".join(["ping", *ROUTES])
            raise ProtocolError("unknown_type", f"There is no message {incoming.type!r}; there are: {known}.")
        if len(self._tasks) >= settings.HYPERORU_MAX_IN_FLIGHT:
            raise ProtocolError(
                "too_many_in_flight",
                f"{len(self._tasks)} requests are unanswered, the most allowed; wait for an answer.",
                retry_after_ms=100,
            )
        return route, decode(route.struct, incoming.data)

    async def _run(self, incoming: Incoming, route: Route, data: Any) -> None:
        try:
            if route.lane is Lane.SESSION:
                try:
                    async with self._lock:
                        await self._reads_begun.wait()
                        await self._connection.outbox.replay_sent()
                        await self._answer(incoming, route, data)
                finally:
                    self._connection.release()
                    self._changing -= 1
                return
            async with self._lock:  # first come, first served: what was sent later never runs earlier
                pass
            if route.lane is Lane.READ:
                await self._read(incoming, route, data)
            else:
                await self._answer(incoming, route, data)
        except ProtocolError as error:
            self._refuse(error, incoming.request_id, incoming.type)
        except asyncio.CancelledError:  # the server ends, and what this waits for does not answer
            self._refuse(unavailable(), incoming.request_id, incoming.type)
        except Exception:
            logger.exception("A request of type %s failed", incoming.type)
            failed = ProtocolError("internal", "The server failed on this request; it has been logged.")
            self._refuse(failed, incoming.request_id, incoming.type)

    async def _read(self, incoming: Incoming, route: Route, data: Any) -> None:
        """Run a read when there is room for it: as the session is now, so what changes it waits until it has begun."""
        self._reads_waiting += 1
        self._reads_begun.clear()
        async with self._reading:
            self._reads_waiting -= 1
            asyncio.get_running_loop().call_soon(self._tell_begun)  # after the first step of the answer
            await self._answer(incoming, route, data)

    def _tell_begun(self) -> None:
        if not self._reads_waiting:
            self._reads_begun.set()

    async def _answer(self, incoming: Incoming, route: Route, data: Any) -> None:
        """Run a handler and queue its reply, then the events that follow it, without a pause in between."""
        connection = self._connection
        if connection.outbox.closing:
            return
        if route.needs_session and not connection.session.connected:
            raise ProtocolError("unauthorized", "Send connect with a session_token first.")
        answer = await route.run(connection, data)
        connection.outbox.put(encode(route.reply, answer.data, incoming.request_id))
        for burst in answer.then:
            connection.outbox.put_replayed(burst)

    def _refuse(self, error: ProtocolError, request_id: RequestId, kind: str | None) -> None:
        self._connection.outbox.put(encode("error", error.data(kind), request_id))

    def _close_if_due(self, code: int | None) -> None:
        if code is not None:
            self._connection.close(code)
