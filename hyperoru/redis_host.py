"""How the channel layer reaches Redis."""

import socket
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.exceptions import ConnectionError as RedisConnectionError

CONNECT_TIMEOUT_S = 2.0
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}
"""In seconds, the last in milliseconds. It is for data that nobody acknowledges: the kernel does not probe then."""


class _Telling:
    """Tells a connection that the kernel gave up from one on which nothing came yet.

    To redis-py both are a `TimeoutError`. It answers both with None, the first one at once and over and over: who reads
    on in a loop, as the channel layer does, gives no other task of the process a turn any more.
    """

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        response = await super().read_response(*args, **kwargs)  # type: ignore[misc]
        reader = self._reader  # type: ignore[attr-defined]
        if response is None and reader is not None and (error := reader.exception()) is not None:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
            raise RedisConnectionError(f"The connection to Redis was lost: {error}") from error
        return response


class TellingConnection(_Telling, Connection):
    """A connection over TCP."""


class TellingSSLConnection(_Telling, SSLConnection):
    """A connection over TLS."""


def redis_host(url: str) -> dict[str, Any]:
    """Return what the layer connects with: over a network, a peer that went without a word is noticed in 10 s."""
    if url.startswith("unix:"):
        return {"address": url, "socket_connect_timeout": CONNECT_TIMEOUT_S}
    parsed = dict(parse_url(url))
    secure = parsed.pop("connection_class", None) is not None
    return {
        "connection_class": TellingSSLConnection if secure else TellingConnection,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_keepalive": True,
        "socket_keepalive_options": {getattr(socket, k): v for k, v in _KEEPALIVE.items() if hasattr(socket, k)},
        **parsed,
    }
