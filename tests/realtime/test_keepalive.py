"""Peers that died without a word are found, whatever waits for them; compression only where it is switched on."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from realtime import hubs
from realtime.orm import in_orm
from tests.builders import a_token, an_account, execute
from tests.serving import Client, Server, client, serving
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def impatient(transactional_db: None, settings: Any) -> Iterator[Server]:
    settings.HYPERORU_PING_EVERY_S = settings.HYPERORU_PONG_WITHIN_S = 0.3
    with serving() as server:
        yield server


@pytest.fixture
def deflating(transactional_db: None, settings: Any) -> Iterator[Server]:
    settings.HYPERORU_DEFLATE = True
    with serving() as server:
        yield server


def connections() -> int:
    return sum(len(hub.connections) for hub in hubs._hubs.values())


async def until_only(count: int) -> None:
    async with asyncio.timeout(30):
        while connections() > count:
            await asyncio.sleep(0.01)


async def test_a_peer_that_answers_no_pings_is_dropped_and_one_that_does_stays(impatient: Server) -> None:
    async with client(impatient) as good, client(impatient) as dead:
        await good.request("ping")
        await dead.request("ping")
        dead.connection.transport.pause_reading()
        before = asyncio.get_running_loop().time()
        await until_only(1)
        assert asyncio.get_running_loop().time() - before > 0.3
        assert (await good.request("ping"))["type"] == "pong"
        dead.connection.transport.abort()


async def test_a_dead_peer_is_dropped_even_while_much_waits_for_it(impatient: Server) -> None:
    account, token = await in_orm(_world)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", impatient.port))
    async with client(impatient, token) as good, client(impatient, token, sock=narrow) as dead:
        for each in (good, dead):
            await each.request("subscribe", channels=["model_chat"])
        dead.connection.transport.pause_reading()
        await in_orm(lambda: execute(account, SubmitDecision("m", "BTC", Action.HOLD, "x" * 900_000)))
        await good.event("model_chat_update")
        await until_only(1)
        assert (await good.request("ping"))["type"] == "pong"
        dead.connection.transport.abort()


async def test_a_reader_that_leaves_something_waiting_for_too_long_is_closed(server: Server, settings: Any) -> None:
    settings.HYPERORU_MAX_QUEUED_S = 0.3
    account, token = await in_orm(_world)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", server.port))
    async with client(server, token) as good, client(server, token, sock=narrow) as slow:
        for each in (good, slow):
            await each.request("subscribe", channels=["model_chat"])
        slow.connection.transport.pause_reading()
        async with asyncio.timeout(30):
            while connections() == 2:
                await in_orm(lambda: execute(account, SubmitDecision("m", "BTC", Action.HOLD, "x" * 100_000)))
                await good.event("model_chat_update")
                await asyncio.sleep(0.05)  # so slowly that the queue's bytes are not what ends it
        slow.connection.transport.abort()


async def test_compression_is_off_where_nothing_is_said(server: Server) -> None:
    async with client(server, compression="deflate") as socket:
        assert not socket.connection.protocol.extensions
        assert (await socket.request("ping"))["type"] == "pong"


async def test_compressed_frames_arrive_whole_and_the_windows_are_bounded(deflating: Server) -> None:
    account, token = await in_orm(_world)
    async with client(deflating, token, compression="deflate") as packed, client(deflating, token) as plain:
        [extension] = packed.connection.protocol.extensions
        assert max(extension.remote_max_window_bits, extension.local_max_window_bits) <= 12
        for each in (packed, plain):
            await each.request("subscribe", channels=["model_chat"])
        for number in range(20):
            await in_orm(lambda n=number: execute(account, SubmitDecision("m", "BTC", Action.HOLD, f"ä{n}" * 500)))
        assert await _chat(packed) == await _chat(plain)


async def _chat(socket: Client) -> list[Any]:
    return [await socket.event("model_chat_update") for _ in range(20)]


def _world() -> tuple[Any, str]:
    account = an_account()
    return account, a_token(account.owner)
