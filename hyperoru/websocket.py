"""uvicorn's WebSocket protocol, with a way to write frames to the line without a task and a turn of ASGI for each."""

from collections.abc import Callable, Coroutine
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame as Received
from websockets.http11 import Request
from websockets.protocol import OPEN

from realtime.frames import Burst, Frame
from realtime.protocol.errors import CLOSE_TOO_BIG, CLOSE_TOO_MANY_REQUESTS
from realtime.transports import CUT_PATIENCE_S, EXTENSION

CLOSE_PATIENCE_S = 5.0
CLOSE_NO_UTF8 = 1007
MOST_FRAGMENTS = 1_000
MOST_PINGS_PER_S = 100


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A `realtime.transports.Transport`, offered to the application in the scope's extensions.

    Whatever ends the connection, a peer that does not read is cut off: closing a transport alone waits until
    everything was sent that such a peer never takes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_writable = True
        self.on_writable: Callable[[], None] = _nothing
        self._pings = 0
        self._pings_since = 0.0

    # What the line tells

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.on_writable = _nothing

    def eof_received(self) -> None:
        """Take a half-closed line for closed: nobody would answer any more."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self._cut_off_after(CUT_PATIENCE_S)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_writable = False

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_writable = True
        self.on_writable()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_off_after(CUT_PATIENCE_S)

    # What the peer sends

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][EXTENSION] = {"transport": self}

    def handle_ping(self) -> None:
        """Answer a ping, unless the peer reads no answers. Without end it may not ask, either."""
        pong = b"".join(self.conn.data_to_send())
        if self.is_writable and not self.transport.is_closing():
            self.transport.write(pong)
        now = self.loop.time()
        if now - self._pings_since > 1:
            self._pings, self._pings_since = 0, now
        self._pings += 1
        if self._pings > MOST_PINGS_PER_S:
            self.cut(CLOSE_TOO_MANY_REQUESTS)

    def handle_cont(self, event: Received) -> None:
        super().handle_cont(event)
        if len(self.frames) > MOST_FRAGMENTS:
            self._refuse(CLOSE_TOO_BIG)

    def handle_close(self, event: Received) -> None:
        super().handle_close(event)
        self._cut_off_after(CLOSE_PATIENCE_S)

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._cut_off_after(CUT_PATIENCE_S)

    def send_receive_event_to_app(self) -> None:
        """Close with 1007 where a text is no UTF-8. uvicorn does so too, and logs a traceback for each."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._refuse(CLOSE_NO_UTF8)
                return
        super().send_receive_event_to_app()

    def _refuse(self, code: int) -> None:
        self.frames = []
        if self.conn.state is OPEN:  # else the peer has closed meanwhile
            self.conn.send_close(code)
            self.handle_parser_exception()

    # What the server does with it

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The scope has the handshake's headers: a second copy of them would be kilobytes for each connection.
            self.request.headers.clear()
            del self.request, self.response
        elif message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # it was refused: uvicorn would miss it, and log an error

    def shutdown(self) -> None:
        """End the connection with the process: what can't be closed in order any more is cut."""
        if self.handshake_complete and (self.close_sent or self.transport.is_closing() or self.conn.state is not OPEN):
            self.stop_keepalive()
            self.transport.abort()
        else:
            super().shutdown()

    # The transport of `realtime`

    def write(self, frame: Frame) -> None:
        """Write a frame. What the system does not take at once is buffered, and the socket no longer writable."""
        if self.conn.extensions:
            self._write_deflated(frame)
        elif not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(frame.wire)

    def write_burst(self, burst: Burst) -> None:
        """Write several frames by one call of the system."""
        if self.conn.extensions:
            for frame in burst.frames:
                self._write_deflated(frame)
        elif not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(burst.wire)

    def _write_deflated(self, frame: Frame) -> None:
        """Compress a frame: each connection has a dictionary of its own, so nothing can be shared."""
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.conn.send_text(frame.payload)
            self.transport.write(b"".join(self.conn.data_to_send()))

    def close(self, code: int) -> None:
        self._close(code, CLOSE_PATIENCE_S)

    def cut(self, code: int) -> None:
        self._close(code, CUT_PATIENCE_S)

    async def serve(self, reading: Coroutine[Any, Any, None]) -> None:
        await reading

    def _close(self, code: int, patience: float) -> None:
        if self.disconnected:
            return
        if not (self.close_sent or self.transport.is_closing()) and self.conn.state is OPEN:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
            self.conn.send_close(code)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            if self.read_paused:  # the peer's answer must be read
                self.read_paused = False
                self.transport.resume_reading()
        self._cut_off_after(patience)

    def _cut_off_after(self, patience: float) -> None:
        if self.close_timer is None and not self.disconnected:
            self.close_timer = self.loop.call_later(patience, self.transport.abort)


def _nothing() -> None:
    return
