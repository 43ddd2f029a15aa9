"""Looking at the log a few times a second, in every process: what the channel layer lost is found here."""

import asyncio
import logging

from django.conf import settings

from realtime import streams
from realtime.hub import Hub
from realtime.orm import in_background
from realtime.protocol.errors import ProtocolError
from realtime.tail import Tail
from realtime.turns import Turns

logger = logging.getLogger(__name__)
SWEEP_S = 4.0
SWEPT_AT_LEAST = 100


class Looks:
    """Keeps a hub up to the log. A look costs what was written since the last one, not what is watched.

    Besides, the heads of all watched streams are compared with the log every few seconds, a slice at each look (100
    accounts at least): so are found new epochs, and events that the end of the log did not show.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._tail = Tail()
        self._turns = Turns[int](SWEEP_S, SWEPT_AT_LEAST)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(settings.HYPERORU_LOG_LOOK_S)
            try:
                await self._look()
            except ProtocolError as error:
                logger.warning("The log can't be read: %s", error.message)
            except Exception:
                logger.exception("A look at the log failed")

    async def _look(self) -> None:
        hub = self._hub
        if not hub.accounts:
            self._tail = Tail()  # nobody listens: what is written meanwhile need not be read
            return
        anew = False
        while True:
            reading = self._tail.take(await in_background(self._tail.fetch))
            hub.compare(reading.heads)
            anew = anew or reading.anew
            if not reading.more:
                break
        turn = self._turns.take(hub.accounts, settings.HYPERORU_LOG_LOOK_S)
        # After the tail was begun, so that nothing is written between the two.
        hub.compare(await in_background(streams.heads, list(hub.accounts) if anew else turn))
        hub.let_go(turn)
