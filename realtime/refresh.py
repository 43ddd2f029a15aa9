"""Ephemeral events: marks, and what positions are worth at them. At most one a second of each; the newest wins."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from realtime import wire
from realtime.frames import Frame
from realtime.hub import Hub
from realtime.orm import in_background
from realtime.protocol import channels
from realtime.protocol.codec import encode
from realtime.protocol.errors import ProtocolError
from realtime.streams import heads
from trading.domain.market import Quote
from trading.market.board import board
from trading.models import Position
from trading.prices import stored
from trading.reading import read_snapshot

logger = logging.getLogger(__name__)


class Refresher:
    """Tells a hub's connections, once a second, what the market changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told: dict[str, Quote] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(settings.HYPERORU_REFRESH_S)
            try:
                await self._refresh()
            except ProtocolError as error:
                logger.warning("Positions can't be refreshed: %s", error.message)
            except Exception:
                logger.exception("A refresh failed")

    async def _refresh(self) -> None:
        if not self._hub.connections:
            return
        board.put(await in_background(stored))
        quotes = board.quotes
        changed = [quote for symbol, quote in quotes.items() if not _same(self._told.get(symbol), quote)]
        moved = {quote.symbol for quote in changed if _mark(self._told.get(quote.symbol)) != quote.mark}
        self._told = quotes
        for quote in changed:
            frame = Frame(price_frame(quote))
            for connection in self._hub.connections:
                if connection.wants_prices:
                    connection.outbox.put_latest(f"price:{quote.symbol}", frame)
        if moved:
            await self._refresh_positions(moved)

    async def _refresh_positions(self, symbols: set[str]) -> None:
        watched = self._hub.subscribers(channels.POSITIONS)
        if not watched:
            return
        quotes, now = board.quotes, timezone.now()
        for row, seq in await in_background(_open_positions, list(watched), symbols):
            # A row that is older or newer than what this process has delivered would contradict its events.
            if self._hub.seq(row.account_id, channels.POSITIONS) != seq:
                continue
            data = wire.position(row, quotes[row.instrument_id].mark, now)
            frame = Frame(encode(channels.EVENT_OF[channels.POSITIONS], data))
            key = f"position:{row.account_id}:{row.instrument_id}"
            for connection in watched[row.account_id]:
                connection.outbox.put_latest(key, frame)


def price_frame(quote: Quote) -> str:
    """Return the `price_update` of a quote."""
    return encode(channels.EVENT_OF[channels.PRICES], wire.price(quote))


def _same(told: Quote | None, quote: Quote) -> bool:
    """Tell whether a quote says nothing new to those who follow prices."""
    return told is not None and replace(told, at=quote.at) == quote


def _mark(quote: Quote | None) -> Decimal | None:
    return None if quote is None else quote.mark


def _open_positions(account_ids: list[int], symbols: Iterable[str]) -> list[tuple[Position, int]]:
    """Read open positions, each with the number of the last event of its stream at that moment."""
    with read_snapshot():
        rows = list(Position.objects.filter(account__in=account_ids, size__gt=0, instrument__in=symbols))
        seqs = heads({row.account_id for row in rows})
    return [(row, seqs[row.account_id, channels.POSITIONS].seq) for row in rows]
