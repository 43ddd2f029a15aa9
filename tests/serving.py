"""A real server for tests, and a client that speaks its protocol."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

PATIENCE_S = 30.0
Message = dict[str, Any]


@dataclass(frozen=True)
class Server:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"


@contextmanager
def serving() -> Iterator[Server]:
    """Run uvicorn with the application until the block ends."""
    from hyperoru.serving import server_config
    from realtime.hubs import get_hub

    listener = socket.create_server(("127.0.0.1", 0))
    config = server_config()
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)

    async def run() -> None:
        await server.serve(sockets=[listener])
        await (await get_hub()).stop()

    def run_all() -> None:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(run())

    thread = threading.Thread(target=run_all, name="test server")
    thread.start()
    try:
        yield Server(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


class Client:
    """One socket. Replies are matched by `request_id`; what else comes waits in `events`, in its order."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.events: list[Message] = []
        self._number = 0

    async def send(self, kind: str, data: Message | None = None, **more: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **({} if data is None else {"data": data}), **more}))

    async def request(self, kind: str, /, **data: Any) -> Message:
        """Send a request and return its reply, errors too."""
        self._number += 1
        await self.send(kind, data, request_id=self._number)
        return await self.reply(self._number)

    async def reply(self, request_id: int | str) -> Message:
        """Return the reply to a request; other frames wait in `events`."""
        for index, message in enumerate(self.events):
            if message.get("request_id") == request_id:
                return self.events.pop(index)
        while True:
            message = await self.receive()
            if message.get("request_id") == request_id:
                return message
            self.events.append(message)

    async def receive(self) -> Message:
        """Return the next frame, whatever it is."""
        async with asyncio.timeout(PATIENCE_S):
            message: Message = json.loads(await self.connection.recv())
        return message

    async def event(self, kind: str, matches: Callable[[Message], bool] = lambda _: True) -> Message:
        """Return the next event of a type that matches; leave the others."""
        for index, message in enumerate(self.events):
            if message["type"] == kind and matches(message):
                return self.events.pop(index)
        while True:
            message = await self.receive()
            if message["type"] == kind and matches(message):
                return message
            self.events.append(message)

    async def settle(self) -> list[Message]:
        """Return all events that were on their way: those that come before the answer to a ping."""
        await self.request("ping")
        events, self.events = self.events, []
        return events

    async def close_code(self) -> int | None:
        """Wait until the server closes the socket and return its code."""
        async with asyncio.timeout(PATIENCE_S):
            await self.connection.wait_closed()
        return self.connection.close_code


@asynccontextmanager
async def client(server: Server, token: str | None = None, **options: Any) -> AsyncIterator[Client]:
    """Open a socket and, with a token, its session."""
    async with connect(server.socket_url, ping_interval=None, **options) as connection:
        made = Client(connection)
        if token is not None:
            reply = await made.request("connect", session_token=token)
            assert reply["type"] == "connect", reply
        yield made
