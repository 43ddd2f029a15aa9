"""A new version is put in place while clients trade: they are told, answered, and go on where they were."""

import asyncio
import signal
import sys
import time

from tests.commands.processes import Place
from tests.faults.load import Trader, orders, until
from tests.faults.settling import assert_nothing_was_lost

TRADERS = 6
ACCOUNTS = [1, 2, 3, 4]
BETWEEN = 500
"""Orders that are acknowledged between two deploys."""
STOPPED_WITHIN_S = 10.0


async def test_a_deploy_under_load_loses_nothing_and_answers_everybody(place: Place) -> None:
    tokens = await asyncio.to_thread(place.prepare)
    serve = [sys.executable, "manage.py", "serve", "--port", str(place.port)]
    traders = [
        Trader(
            place.server,
            tokens["demo"],
            follows=[ACCOUNTS[index % 4], ACCOUNTS[(index + 1) % 4]],
            wanted=orders(f"t{index}", [ACCOUNTS[index % 4], ACCOUNTS[(index + 2) % 4]]),
            insists=index % 2 == 1,
        )
        for index in range(TRADERS)
    ]

    async def trade_on(sockets: int) -> None:
        """Wait until everybody is on so many sockets' last one, and many more orders are acknowledged."""
        begun = sum(len(trader.acknowledged) for trader in traders)

        def done() -> bool:
            many = sum(len(trader.acknowledged) for trader in traders) >= begun + BETWEEN
            return many and all(trader.sockets == sockets for trader in traders)

        await until(done, trading)

    trading: list[asyncio.Task[None]] = []
    for deploy in (1, 2):
        with place.running(*serve) as process:
            if not trading:
                await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, tokens["ops"])
                trading = [asyncio.create_task(trader.trade()) for trader in traders]
            await trade_on(sockets=deploy)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            await until(lambda stopped=process: stopped.poll() is not None, trading)
            assert process.returncode == 0
            assert time.monotonic() - began < STOPPED_WITHIN_S
        for trader in traders:
            assert trader.close_codes == [4001] * deploy
            assert (trader.warnings, trader.cut_unwarned) == (deploy, 0)
            assert trader.cut == 0 or trader.refused["restarting"]
    with place.running(*serve):
        await trade_on(sockets=3)
        for trader in traders:
            trader.stop()
        await asyncio.gather(*trading)
        await assert_nothing_was_lost(place, traders)
    assert sum(trader.refused["restarting"] for trader in traders) > 0
    assert "Traceback" not in place.logged()
