"""Clients that trade without a pause, come back when their socket is lost, and write down all that they were told."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.serving import Message, Server

PATIENCE_S = 120.0
"""How long anything may take before a test gives up: far beyond what it does take."""
PAUSE_S = 0.05
WINDOW = 12
"""Orders that a client has unanswered at a time."""
CHANNELS = ["trades", "positions", "model_chat", "asset_curve", "orders"]
AGAIN = {"unavailable", "execution_unknown", "restarting", "too_many_in_flight"}
"""Refusals after which the very same order is sent again."""
LOST = (ConnectionClosed, InvalidHandshake, InvalidMessage, OSError, EOFError)
UNLIMITED = {
    f"HYPERORU_{name}": "0"
    for name in (
        "MESSAGES_PER_S",
        "ORDERS_PER_S",
        "CANCELS_PER_S",
        "MALFORMED_BURST",
        "UNAUTHENTICATED_PER_ADDRESS",
        "SOCKETS_PER_ADDRESS",
    )
}
"""The environment of a server that is to be loaded."""

Key = tuple[int, str]
"""A stream: (account, channel)."""
Place = dict[str, Any]
"""Where a stream stands: `epoch` and `seq`."""


class Heard:
    """The numbered events that one client got, over all its sockets. Raises where one is missing or comes twice."""

    def __init__(self) -> None:
        self.places: dict[Key, Place] = {}
        self.first: dict[Key, int] = {}
        self.frames: dict[Key, list[str]] = {}
        """The texts as they came: of a stream those after `first`."""

    def begin(self, key: Key, place: Place) -> None:
        """Take a stream's place as what is known of it already; keep a place that is known better."""
        if key not in self.places:
            self.places[key] = {"epoch": place["epoch"], "seq": place["seq"]}
            self.first[key] = place["seq"]
            self.frames[key] = []

    def take(self, text: str, message: Message) -> None:
        key = (message["data"]["account_id"], message["channel"])
        place = self.places[key]
        assert (message["epoch"], message["seq"]) == (place["epoch"], place["seq"] + 1), (place, text)
        place["seq"] += 1
        self.frames[key].append(text)

    def resume(self, account_id: int) -> dict[str, Place]:
        return {channel: place for (account, channel), place in self.places.items() if account == account_id}

    def reached(self, heads: dict[Key, int]) -> bool:
        return all(place["seq"] >= heads[key] for key, place in self.places.items())

    def assert_is_of(self, log: dict[Key, list[str]]) -> None:
        """Compare with the log, byte for byte: all from after `first` to where the stream was followed."""
        for key, frames in self.frames.items():
            assert frames == log[key][self.first[key] : self.places[key]["seq"]], key


def orders(name: str, accounts: Sequence[int]) -> Iterator[Message]:
    """Make small orders without end, each with a client id: most trade, one of sixteen rests."""
    for index in count():
        rests = index % 16 == 7
        yield {
            "account_id": accounts[index % len(accounts)],
            "symbol": "BTC",
            "side": "sell" if index % 4 < 2 and not rests else "buy",
            "size": 0.001,
            "order_type": "limit" if rests else "market",
            **({"price": 50_000 + index % 1_000} if rests else {}),
            "client_order_id": f"{name}-{index}",
        }


class Trader:
    """One client: it follows accounts, sends its orders some at a time, and each again until it is acknowledged."""

    def __init__(
        self, server: Server, token: str, follows: Sequence[int], wanted: Iterable[Message], *, insists: bool = False
    ) -> None:
        self.server = server
        self.heard = Heard()
        self.acknowledged: dict[str, Message] = {}
        """The answers of the orders that were placed, by client id."""
        self.refused: Counter[str] = Counter()
        """How often an order was answered by an error after which it was sent again, by its code."""
        self.cut = 0
        """Orders whose socket was lost before their answer came."""
        self.cut_unwarned = 0
        """Those of them that were sent before the server told that it stops."""
        self.sockets = 0
        self.slowest_s = 0.0
        self.told_to_wait_s: float | None = None
        """What `server_shutdown` said on this socket."""
        self.warnings = 0
        self.close_codes: list[int | None] = []
        self._token = token
        self._follows = follows
        self._wanted = iter(wanted)
        self._again: deque[str] = deque()
        """Orders that were sent before and are not acknowledged."""
        self._bodies: dict[str, Message] = {}
        self._insists = insists
        """Sends on after `server_shutdown`, which a client should not."""
        self._sent: dict[str, tuple[str, float, bool]] = {}
        """What is unanswered on this socket, by request id: the order, when it was sent, whether warned."""
        self._attempts: Counter[str] = Counter()
        self._numbers = count(1)
        self._enough = False

    @property
    def finished(self) -> bool:
        return self._enough and not self._again and not self._sent

    def stop(self) -> None:
        """Begin no new orders."""
        self._enough = True

    async def trade(self) -> None:
        """Trade until stopped, or out of orders, and every order is acknowledged; over as many sockets as it takes."""
        while not self.finished:
            await self._once(lambda: not self.finished)

    async def follow_to(self, heads: dict[Key, int]) -> None:
        """Listen until every stream has reached its head."""
        while not self.sockets or not self.heard.reached(heads):
            await self._once(lambda: not self.heard.reached(heads))

    async def _once(self, goes_on: Any) -> None:
        try:
            async with self._session() as socket:
                await self._fill(socket)
                while goes_on():
                    self._hear(await _received(socket))
                    await self._fill(socket)
        except LOST as error:
            if isinstance(error, ConnectionClosed):
                self.close_codes.append(None if error.rcvd is None else error.rcvd.code)
        finally:
            self.cut += len(self._sent)
            self.cut_unwarned += sum(not warned for *_, warned in self._sent.values())
            self._again.extend(order for order, *_ in self._sent.values())
            self._sent.clear()
        if goes_on():
            pause, self.told_to_wait_s = self.told_to_wait_s or PAUSE_S, None
            await asyncio.sleep(pause)  # as a client does before it tries again

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[ClientConnection]:
        """Open a socket, and follow the accounts from where each stream was left."""
        options = {"ping_interval": None, "open_timeout": PATIENCE_S, "max_queue": None}
        async with connect(self.server.socket_url, **options) as socket:
            await self._ask(socket, "connect", {"session_token": self._token})
            for account_id in self._follows:
                data = {"channels": CHANNELS, "account_id": account_id, "resume": self.heard.resume(account_id)}
                reply = await self._ask(socket, "subscribe", data)
                for channel, place in reply["data"]["streams"].items():
                    assert place.get("recovered", True), (reply, data)
                    self.heard.begin((account_id, channel), place)
            self.sockets += 1
            yield socket

    async def _ask(self, socket: ClientConnection, kind: str, data: Message) -> Message:
        """Send a request and return its reply; again where the server could not do it just now."""
        while True:
            request_id = f"{kind}/{next(self._numbers)}"
            began = time.monotonic()
            await socket.send(json.dumps({"type": kind, "request_id": request_id, "data": data}))
            while (message := self._hear(await _received(socket))).get("request_id") != request_id:
                pass
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            if message["type"] == kind:
                return message
            assert message["data"]["code"] in AGAIN, message
            self.refused[message["data"]["code"]] += 1
            await asyncio.sleep(PAUSE_S)

    async def _fill(self, socket: ClientConnection) -> None:
        warned = self.told_to_wait_s is not None
        if warned and not self._insists:
            return
        while len(self._sent) < WINDOW and (order := self._next()) is not None:
            self._attempts[order] += 1
            request_id = f"{order}/{self._attempts[order]}"
            self._sent[request_id] = (order, time.monotonic(), warned)
            frame = {"type": "place_order", "request_id": request_id, "data": self._bodies[order]}
            await socket.send(json.dumps(frame))

    def _next(self) -> str | None:
        """Return an order to send: first those that were sent before."""
        if self._again:
            return self._again.popleft()
        if self._enough or (body := next(self._wanted, None)) is None:
            self._enough = True
            return None
        order: str = body["client_order_id"]
        self._bodies[order] = body
        return order

    def _hear(self, text: str) -> Message:
        message: Message = json.loads(text)
        request_id = message.get("request_id")
        if "seq" in message:
            self.heard.take(text, message)
        elif request_id in self._sent:
            self._answered(request_id, message)
        elif message["type"] == "server_shutdown":
            self.warnings += 1
            self.told_to_wait_s = message["data"]["reconnect_after_ms"] / 1_000
        else:
            # Whatever else is answered was asked by `_ask`, and an order's second answer is nobody's.
            assert request_id is None or request_id.split("/")[0] in ("connect", "subscribe"), message
        return message

    def _answered(self, request_id: str, message: Message) -> None:
        order, sent_at, _ = self._sent.pop(request_id)
        self.slowest_s = max(self.slowest_s, time.monotonic() - sent_at)
        if message["type"] == "place_order":
            reply = message["data"]
            assert reply["client_order_id"] == order
            assert not reply["duplicate"] or self._attempts[order] > 1, message
            assert order not in self.acknowledged
            self.acknowledged[order] = reply
            return
        assert message["data"]["code"] in AGAIN, message
        self.refused[message["data"]["code"]] += 1
        self._again.append(order)


async def _received(socket: ClientConnection) -> str:
    """Return the next frame. Silence ends the test: pings and events come all the time."""
    async with asyncio.timeout(PATIENCE_S):
        text = await socket.recv()
    assert isinstance(text, str)
    return text


async def until(condition: Any, tasks: Iterable["asyncio.Task[Any]"] = ()) -> None:
    """Wait for a condition. A task that fails meanwhile ends the wait with its error."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)
