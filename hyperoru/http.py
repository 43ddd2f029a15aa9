"""uvicorn's HTTP protocol, which does not wait for ever, and ends kept-alive connections when the process stops."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hyperoru.draining import draining

HEAD_WITHIN_S = 10.0
"""How long a peer may take from the connection, or a request's first byte, to the end of the request's head."""


class HttpProtocol(HttpToolsProtocol):
    """Closes a connection whose next request's head does not come in time. Sockets begin here, too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_idle:
            self._await_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._drop_head_timer()
        super().on_headers_complete()
        if draining.is_set() and self.cycle is not None:
            self.cycle.keep_alive = False

    @property
    def is_idle(self) -> bool:
        """No request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def leave(self) -> None:
        """Close the connection, after the answer where one is due.

        One that was just opened may still ask: it is answered, or told that the server is stopping.
        """
        if self.cycle is not None:
            self.shutdown()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _drop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
