"""Redis and PostgreSQL that go away and come back under load: requests are answered, and nothing is lost."""

import asyncio
import copy
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.commands.processes import Place, free_port
from tests.faults.load import CHANNELS, UNLIMITED, Trader, orders, until
from tests.faults.servers import PostgreSQL, Redis, running_postgresql, running_redis
from tests.faults.settling import assert_nothing_was_lost
from tests.serving import Server, client

pytestmark = pytest.mark.postgresql
ACCOUNTS = [1, 2, 3]
UNWATCHED = 4
TRADERS = 6
BETWEEN = 250
"""Orders that are acknowledged between two faults."""
PONG_WITHIN_S = 5.0
ANSWER_WITHIN_S = 15.0
"""A request is answered within this time, whatever is away; most of it is for slow machines."""


class Pinger:
    """A client that only pings, and remembers the longest wait for a pong."""

    def __init__(self, server: Server, token: str) -> None:
        self.slowest_s = 0.0
        self.pongs = 0
        self._server = server
        self._token = token

    async def ping(self) -> None:
        async with client(self._server, self._token) as socket:
            while True:
                began = time.monotonic()
                assert (await socket.request("ping"))["type"] == "pong"
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.pongs += 1
                await asyncio.sleep(0.05)


class World:
    """Two processes that serve and one that runs the engine, with traders on both."""

    def __init__(self, places: list[Place], tokens: dict[str, str], redis: Redis, postgresql: PostgreSQL) -> None:
        self.places = places
        self.tokens = tokens
        self.redis = redis
        self.postgresql = postgresql
        self.traders: list[Trader] = []
        self.trading: list[asyncio.Task[None]] = []
        self.pingers = [Pinger(place.server, tokens["demo"]) for place in places]
        self.pinging = [asyncio.create_task(pinger.ping()) for pinger in self.pingers]

    def begin(self) -> None:
        """Let every trader follow two accounts, one of which the other process trades as well."""
        for index in range(TRADERS):
            first, second = ACCOUNTS[index % 3], ACCOUNTS[(index + 1) % 3]
            wanted = orders(f"t{index}", [first, second])
            server = self.places[index % len(self.places)].server
            self.traders.append(Trader(server, self.tokens["demo"], follows=[first, second], wanted=wanted))
        self.trading = [asyncio.create_task(trader.trade()) for trader in self.traders]

    @property
    def acknowledged(self) -> int:
        return sum(len(trader.acknowledged) for trader in self.traders)

    async def trade_on(self, number: int = BETWEEN) -> None:
        """Wait until so many more orders are acknowledged."""
        goal = self.acknowledged + number
        await until(lambda: self.acknowledged >= goal, [*self.trading, *self.pinging])

    async def finish(self) -> None:
        """Place no more orders, wait for the last answer, then compare everything that was told with what is stored."""
        for trader in self.traders:
            trader.stop()
        await asyncio.gather(*self.trading)
        await assert_nothing_was_lost(self.places[0], self.traders)
        for pinger in self.pingers:
            assert pinger.pongs > 0
            assert pinger.slowest_s < PONG_WITHIN_S
        for trader in self.traders:
            assert trader.slowest_s < ANSWER_WITHIN_S
            assert (trader.close_codes, trader.cut) == ([], 0)


@asynccontextmanager
async def a_world(folder: Path) -> AsyncIterator[World]:
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis())
        postgresql = stack.enter_context(running_postgresql())
        urls = {"REDIS_URL": redis.url, "DATABASE_URL": postgresql.url}
        place = Place(folder, **urls, HYPERORU_EQUITY_EVERY_S="1", **UNLIMITED)
        other = copy.copy(place)
        other.port = free_port()
        tokens = await asyncio.to_thread(place.prepare)
        for each in (place, other):
            serve = [sys.executable, "manage.py", "serve", "--role", "web", "--port", str(each.port)]
            await asyncio.to_thread(stack.enter_context, each.running(*serve))
        stack.enter_context(place.running(sys.executable, "manage.py", "run_engine", answers=False))
        status, _ = await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, tokens["ops"])
        assert status == 200
        world = World([place, other], tokens, redis, postgresql)
        try:
            yield world
        finally:
            tasks = [*world.trading, *world.pinging]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def a_newcomer_is_served(world: World) -> None:
    """Open a socket, follow an account that nobody here followed before, trade it and hear of it."""
    order = {"account_id": UNWATCHED, "symbol": "BTC", "side": "buy", "size": 0.001, "order_type": "market"}
    for place in world.places:
        async with asyncio.timeout(ANSWER_WITHIN_S), client(place.server, world.tokens["demo"]) as socket:
            reply = await socket.request("subscribe", channels=CHANNELS, account_id=UNWATCHED)
            assert reply["type"] == "subscribe", reply
            assert (await socket.request("place_order", **order))["data"]["status"] == "filled"
            for kind in ("order_update", "trade_update", "position_update", "asset_curve_update"):
                await socket.event(kind)


async def test_nothing_is_lost_when_redis_and_postgresql_restart_under_load(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.begin()
        await world.trade_on()
        await asyncio.to_thread(world.redis.restart)
        await world.trade_on()
        await asyncio.to_thread(world.redis.flush)
        await world.trade_on()
        with world.redis.partitioned():
            await world.trade_on()
            await a_newcomer_is_served(world)
        await world.trade_on()
        await asyncio.to_thread(world.redis.kill)
        await world.trade_on()
        await asyncio.to_thread(world.redis.start)
        await asyncio.to_thread(world.postgresql.control, "restart")
        await world.trade_on()
        await world.finish()
