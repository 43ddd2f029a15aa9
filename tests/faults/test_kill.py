"""A server that is killed in the middle of its work: what it acknowledged is there, nothing is there twice."""

import asyncio
import sys
from itertools import islice

from tests.commands.processes import Place
from tests.faults import records
from tests.faults.load import Trader, orders, until
from tests.faults.settling import assert_nothing_was_lost

ORDERS = 5_000
TRADERS = 5
KILLED_AT = (0.3, 0.7)
"""At which shares of the orders the server is killed."""
ACCOUNTS = [1, 2, 3, 4]


async def test_kill_9_loses_nothing_that_was_acknowledged_and_no_event(place: Place) -> None:
    tokens = place.prepare()
    serve = [sys.executable, "manage.py", "serve", "--port", str(place.port)]
    traders = [
        Trader(
            place.server,
            tokens["demo"],
            follows=[ACCOUNTS[index % 4], ACCOUNTS[(index + 1) % 4]],
            wanted=islice(orders(f"t{index}", [ACCOUNTS[index % 4], ACCOUNTS[(index + 2) % 4]]), ORDERS // TRADERS),
        )
        for index in range(TRADERS)
    ]

    def acknowledged() -> int:
        return sum(len(trader.acknowledged) for trader in traders)

    trading: list[asyncio.Task[None]] = []
    for share in KILLED_AT:
        with place.running(*serve) as process:
            if not trading:
                await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, tokens["ops"])
                trading = [asyncio.create_task(trader.trade()) for trader in traders]
            await until(lambda goal=ORDERS * share: acknowledged() >= goal, trading)
            process.kill()
            await asyncio.to_thread(process.wait)
        known = {name for trader in traders for name in trader.acknowledged}
        assert len(known) < ORDERS
        stored = await asyncio.to_thread(records.orders, place)
        assert known <= stored.keys()
    with place.running(*serve):
        await asyncio.gather(*trading)
        await assert_nothing_was_lost(place, traders)
    assert sum(trader.cut for trader in traders) > 0
    assert acknowledged() == ORDERS
