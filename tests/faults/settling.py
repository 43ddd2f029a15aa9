"""What must hold of traders and their database when all that went wrong is over."""

import asyncio
from collections.abc import Sequence

from tests.commands.processes import Place
from tests.faults import records
from tests.faults.load import Trader


async def assert_nothing_was_lost(place: Place, traders: Sequence[Trader]) -> None:
    """Bring finished traders up to the log, over a running server, and compare all that they were told with it."""
    log = await asyncio.to_thread(records.log, place)
    heads = {key: len(frames) for key, frames in log.items()}
    await asyncio.gather(*(trader.follow_to(heads) for trader in traders))
    log = await asyncio.to_thread(records.log, place)  # the engine has gone on writing
    for trader in traders:
        trader.heard.assert_is_of(log)
    stored = await asyncio.to_thread(records.orders, place)
    stored.pop(None, None)  # orders of nobody here
    assert set(stored) == {name for trader in traders for name in trader.acknowledged}
    assert set(stored.values()) == {1}
    records.assert_books_balance(place)
