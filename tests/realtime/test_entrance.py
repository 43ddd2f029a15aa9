"""One socket too many waits at the door: in its turn, not for long, not with too many, not when its peer goes."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from realtime import admission as admission_module
from realtime import entrance
from realtime.admission import PLACE, admission
from realtime.entrance import Admitted
from realtime.transports import EXTENSION
from tests.serving import PATIENCE_S, Server, client

ADDRESS = "203.0.113.9"
REFUSED = [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 4504}]


class Transport:
    """What our own server offers."""

    def __init__(self) -> None:
        self.cuts: list[int] = []

    def cut(self, code: int) -> None:
        self.cuts.append(code)


class Peer:
    """A socket at the door. `connects` lets it count as connected, `goes` ends it."""

    def __init__(self, address: str = ADDRESS, **extensions: Any) -> None:
        self.scope: dict[str, Any] = {"client": (address, 50_000), "headers": [], "extensions": extensions}
        self.sent: list[dict[str, Any]] = []
        self.heard: list[str] = []
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._queue.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(Admitted(self._serve)(self.scope, self._queue.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        while self.heard[-1:] != ["websocket.disconnect"]:
            self.heard.append((await receive())["type"])

    @property
    def is_in(self) -> bool:
        return bool(self.heard)

    def connects(self) -> None:
        assert self.scope[PLACE].connect()

    def says(self, kind: str) -> None:
        self._queue.put_nowait({"type": f"websocket.{kind}"})

    async def goes(self) -> None:
        self.says("disconnect")
        await self.ended()

    async def ended(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.task


async def settle() -> None:
    """Let all who can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def peers(number: int, address: str = ADDRESS) -> list[Peer]:
    made = [Peer(address) for _ in range(number)]
    await settle()
    return made


async def all_go(*gone: Peer) -> None:
    for each in gone:
        if not each.task.done():
            await each.goes()


@pytest.fixture(autouse=True)
def _room_for_two(settings: Any) -> Iterator[None]:
    settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = 2
    yield
    assert not admission.unauthenticated
    assert not admission.connected
    assert not admission._lines
    assert not admission._waiting


async def test_who_waits_is_let_in_in_its_turn_when_another_connects_or_leaves() -> None:
    made = await peers(5)
    assert [each.is_in for each in made] == [True, True, False, False, False]
    made[1].connects()
    await settle()
    assert [each.is_in for each in made] == [True, True, True, False, False]
    await made[0].goes()
    await settle()
    assert [each.is_in for each in made] == [True, True, True, True, False]
    assert made[2].heard == ["websocket.connect"]  # it is told all the same
    assert not made[4].sent  # not accepted meanwhile
    await all_go(*made)


async def test_nobody_passes_those_who_wait() -> None:
    first, second, third = await peers(3)
    first.connects()
    [fourth] = await peers(1)
    assert [third.is_in, fourth.is_in] == [True, False]
    await all_go(first, second, third, fourth)


async def test_addresses_do_not_wait_for_each_other() -> None:
    made = await peers(3)
    [other] = await peers(1, "198.51.100.1")
    assert other.is_in
    await all_go(*made, other)


async def test_who_waits_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "WAIT_S", 0.05)
    made = await peers(3)
    assert made[2].sent == []
    await made[2].ended()
    assert made[2].sent == REFUSED
    await all_go(*made)


@pytest.mark.parametrize("kind", ["disconnect", "receive"])
async def test_whose_peer_goes_or_speaks_too_early_waits_no_more(kind: str) -> None:
    made = await peers(4)
    made[2].says(kind)
    await made[2].ended()
    assert made[2].sent == [{"type": "websocket.close", "code": 4504}]
    made[0].connects()
    await settle()
    assert made[3].is_in
    await all_go(*made)


async def test_a_place_that_comes_as_its_peer_goes_is_for_the_next() -> None:
    made = await peers(4)
    made[2].says("disconnect")
    made[0].connects()
    await settle()
    assert [each.is_in for each in made] == [True, True, False, True]
    await all_go(*made)


async def test_a_place_that_comes_as_the_server_gives_up_is_for_the_next() -> None:
    made = await peers(4)
    made[0].connects()
    made[2].task.cancel()
    await settle()
    assert made[2].task.cancelled()
    assert made[3].is_in
    await all_go(made[0], made[1], made[3])


@pytest.mark.parametrize(("name", "elsewhere"), [("MOST_WAITING_PER_ADDRESS", False), ("MOST_WAITING", True)])
async def test_beyond_so_many_nobody_waits(name: str, elsewhere: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_module, name, 3)
    made = await peers(6)
    others = await peers(3, "198.51.100.1")
    assert [each.task.done() for each in [*made, *others]] == [False] * 5 + [True, False, False, elsewhere]
    assert made[5].sent == REFUSED
    await all_go(*made, *others)


async def test_who_is_closed_is_cut_where_the_server_can() -> None:
    made = await peers(2)
    transport = Transport()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entrance, "WAIT_S", 0)
        late = Peer(**{EXTENSION: {"transport": transport}})
        await late.ended()
    assert (late.sent, transport.cuts) == ([{"type": "websocket.accept"}], [4504])
    await all_go(*made)


@pytest.mark.django_db(transaction=True)
async def test_who_does_not_answer_the_close_is_gone_soon(
    settings: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "WAIT_S", 0)
    settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = 1
    async with client(server) as first:
        assert (await first.request("ping"))["type"] == "pong"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(PATIENCE_S):
            await reader.read()
        assert asyncio.get_running_loop().time() - began < 5
        writer.close()
