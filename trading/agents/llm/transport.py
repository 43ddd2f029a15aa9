"""The one way out: what a request carries, and how much of an answer is read."""

from collections.abc import AsyncIterator

import httpx2
from openai import OpenAIError

from trading.agents.llm.endpoints import Endpoint

CARRIED = ("host", "content-length", "content-type", "accept", "user-agent")


class Unreadable(OpenAIError):
    """The answer is larger than it may be, or compressed."""


class Outlet(httpx2.AsyncBaseTransport):
    """Send requests to one endpoint only, with the headers that they need, and read bounded answers.

    The library adds headers that its own variables of the environment name (`OPENAI_ORG_ID`, `OPENAI_CUSTOM_HEADERS`…):
    they belong to another service, and are left out. The key is put on here, so that nothing else holds it.
    """

    def __init__(self, endpoint: Endpoint, most_bytes: int) -> None:
        self._endpoint = endpoint
        self._most = most_bytes
        # No proxies or certificates from the environment.
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry a request. Raise `Unreadable` for an answer that may not be read."""
        if _origin(request.url) != _origin(httpx2.URL(self._endpoint.base_url)):
            raise Unreadable("the request would go elsewhere than to the endpoint")
        headers = {name: request.headers[name] for name in CARRIED if name in request.headers}
        headers["accept-encoding"] = "identity"  # what is packed small may be large
        if self._endpoint.key:
            headers["authorization"] = f"Bearer {self._endpoint.key}"
        # A request of its own: the library reads its headers again in the one that it made.
        carried = httpx2.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        response = await self._inner.handle_async_request(carried)
        try:
            self._check(response)
        except Unreadable:
            await response.aclose()
            raise
        # Text is UTF-8, as JSON is: what else an answer names may be no encoding of text at all.
        response.headers["content-type"] = response.headers.get("content-type", "").split(";")[0].strip()
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, self._most)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _check(self, response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
            raise Unreadable("the answer is compressed, which it was not asked to be")
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._most:
            raise Unreadable(_too_large(self._most))


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, most: int) -> None:
        self._inner = inner
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > self._most:
                raise Unreadable(_too_large(self._most))
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _too_large(most: int) -> str:
    return f"the answer is larger than {most} bytes"


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
