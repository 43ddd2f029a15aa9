"""Readers that stop among many that go on: they are cut off, cost little, and miss nothing when they are back."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from accounts.models import Account
from realtime import hubs, streams
from realtime.hub import Hub
from realtime.models import Stream
from realtime.orm import in_orm
from tests.builders import a_token, an_account, execute
from tests.faults.load import PATIENCE_S, Heard, until
from tests.serving import Client, Server, client
from trading.domain.commands import RecordEquity, SubmitDecision
from trading.domain.enums import Action

pytestmark = pytest.mark.django_db(transaction=True)
READERS, STALLED = 24, 4
REASONING = 20_000
QUEUED_BYTES = 200_000
HIGH_WATER = 256 * 1024
"""What the server's own write buffer may hold besides: asyncio's high-water mark and one frame, with room to spare."""
CHANNEL = "model_chat"


@pytest.fixture
def world(transactional_db: None, settings: Any) -> SimpleNamespace:
    settings.HYPERORU_MAX_QUEUED_BYTES = QUEUED_BYTES
    settings.HYPERORU_MESSAGES_PER_S = settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = 0
    account = an_account()
    return SimpleNamespace(account=account, key=(account.pk, CHANNEL), token=a_token(account.owner))


def decide(account: Account, times: int) -> None:
    execute(account, *[SubmitDecision("m", "BTC", Action.HOLD, "x" * REASONING) for _ in range(times)])


def the_hub() -> Hub:
    [hub] = [hub for hub in hubs._hubs.values() if hub.connections]
    return hub


@asynccontextmanager
async def narrow_client(server: Server, token: str) -> AsyncIterator[Client]:
    """Open a socket with a small window: little fits on the way before the server has to wait."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", server.port))
    async with client(server, token, sock=narrow, max_queue=None, close_timeout=0.1) as opened:
        yield opened


async def follow(reader: Client, heard: Heard, upto: int | None = None) -> None:
    """Take a stream's events, up to a number or for ever."""
    while upto is None or any(place["seq"] < upto for place in heard.places.values()):
        async with asyncio.timeout(PATIENCE_S):
            text = await reader.connection.recv()
        message = json.loads(text)
        if "seq" in message:
            heard.take(text, message)


async def subscribe(reader: Client, world: SimpleNamespace, heard: Heard) -> None:
    resume = heard.resume(world.account.pk)
    reply = await reader.request("subscribe", channels=[CHANNEL], resume=resume)
    place = reply["data"]["streams"][CHANNEL]
    assert place.get("recovered", True), reply
    heard.begin(world.key, place)


async def test_stalled_readers_are_cut_off_and_miss_nothing_in_the_end(world: SimpleNamespace, server: Server) -> None:
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(client(server, world.token)) for _ in range(READERS)]
        stalled = [await stack.enter_async_context(narrow_client(server, world.token)) for _ in range(STALLED)]
        heard = [Heard() for _ in (*readers, *stalled)]
        for each, its in zip([*readers, *stalled], heard, strict=True):
            await subscribe(each, world, its)
        hub, most = the_hub(), 0
        following = [asyncio.create_task(follow(r, h)) for r, h in zip(readers, heard[:READERS], strict=True)]
        for each in stalled:
            each.connection.transport.pause_reading()
        while len(hub.connections) > READERS:
            await in_orm(decide, world.account, 3)
            for connection in list(hub.connections):
                most = max(most, connection.outbox.queued_bytes)
                assert connection._transport.transport.get_write_buffer_size() < HIGH_WATER
            head = await in_orm(lambda: Stream.objects.get(account=world.account, channel=CHANNEL).seq)
            await until(lambda h=head: all(h <= its.places[world.key]["seq"] for its in heard[:READERS]), following)
            assert head < streams.RESUME_LIMIT, "the stalled were not cut off"
        assert 0 < most <= QUEUED_BYTES
        for task in following:
            task.cancel()
        log = {world.key: await in_orm(lambda: [row.frame for row in streams.after(*world.key, 0)])}
        for its in heard[:READERS]:
            its.assert_is_of(log)

        for each, its in zip(stalled, heard[READERS:], strict=True):
            each.connection.transport.resume_reading()
            with pytest.raises(ConnectionClosed):  # what was on its way still comes, then the end
                await follow(each, its)
            assert each.connection.close_code in (4008, 1006)
            assert its.places[world.key]["seq"] < head
            async with client(server, world.token) as again:
                await subscribe(again, world, its)
                await in_orm(decide, world.account, 1)
                await follow(again, its, upto=head + 1)
            head += 1
            its.assert_is_of({world.key: await in_orm(lambda: [row.frame for row in streams.after(*world.key, 0)])})


async def test_who_resumes_over_and_over_without_reading_costs_one_replay(
    world: SimpleNamespace, server: Server
) -> None:
    await in_orm(lambda: execute(world.account, *[RecordEquity() for _ in range(900)]))
    async with client(server, world.token) as watcher, narrow_client(server, world.token) as stalled:
        reply = await watcher.request("subscribe", channels=["asset_curve"])
        place = {**reply["data"]["streams"]["asset_curve"], "seq": 0}
        hub = the_hub()
        [connection] = [each for each in hub.connections if not each.keys]
        stalled.connection.transport.pause_reading()
        data = {"channels": ["asset_curve"], "resume": {"asset_curve": place}}
        for number in range(300):
            await stalled.send("subscribe", data, request_id=number)
        most = 0
        for _ in range(100):  # each is a round through the server, and time for it to work on what was sent
            await watcher.request("get_snapshot", account_id=world.account.pk)
            most = max(most, len(connection.outbox._entries or ()))
        assert 0 < most < 2_000, "some of it must wait, and no more than one replay"
        stalled.connection.transport.abort()
