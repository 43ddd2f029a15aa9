"""Ephemeral events: marks, and what positions are worth at them. At most one a second of each; the newest wins."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from accounts.models import SessionToken
from realtime import wire
from realtime.hub import Hub
from realtime.orm import in_orm
from realtime.protocol import channels
from realtime.protocol.codec import encode
from realtime.protocol.errors import ProtocolError
from realtime.streams import heads
from trading.market.board import board
from trading.models import Position
from trading.prices import stored
from trading.reading import read_snapshot

logger = logging.getLogger(__name__)
COMMIT_TIME = timedelta(seconds=5)
"""How long a revocation may take from its time stamp until others see it."""


class Refresher:
    """Tells a hub's connections, once a second, what the market changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told: dict[str, Decimal] = {}
        self._revoked_since = timezone.now()

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
        since, self._revoked_since = self._revoked_since, timezone.now()
        self._hub.cut(await in_orm(_revoked_after, since))
        board.put(await in_orm(stored))
        quotes = board.quotes
        moved = {symbol for symbol, quote in quotes.items() if self._told.get(symbol) != quote.mark}
        self._told.update({symbol: quotes[symbol].mark for symbol in moved})
        for symbol in moved:
            frame = encode(channels.EVENT_OF[channels.PRICES], wire.price(quotes[symbol]))
            for connection in self._hub.connections:
                if connection.wants_prices:
                    connection.outbox.put_latest(f"price:{symbol}", frame)
        if moved:
            await self._refresh_positions(moved)

    async def _refresh_positions(self, symbols: set[str]) -> None:
        watched = self._hub.subscribers(channels.POSITIONS)
        if not watched:
            return
        quotes, now = board.quotes, timezone.now()
        for row, seq in await in_orm(_open_positions, list(watched), symbols):
            # A row that is older or newer than what this process has delivered would contradict its events.
            if self._hub.seq(row.account_id, channels.POSITIONS) != seq:
                continue
            data = wire.position(row, quotes[row.instrument_id].mark, now)
            frame = encode(channels.EVENT_OF[channels.POSITIONS], data)
            key = f"position:{row.account_id}:{row.instrument_id}"
            for connection in watched[row.account_id]:
                connection.outbox.put_latest(key, frame)


def _open_positions(account_ids: list[int], symbols: Iterable[str]) -> list[tuple[Position, int]]:
    """Read open positions, each with the number of the last event of its stream at that moment."""
    with read_snapshot():
        rows = list(Position.objects.filter(account__in=account_ids, size__gt=0, instrument__in=symbols))
        seqs = heads({row.account_id for row in rows})
    return [(row, seqs[row.account_id, channels.POSITIONS].seq) for row in rows]


def _revoked_after(moment: datetime) -> list[int]:
    return list(SessionToken.objects.filter(revoked_at__gte=moment - COMMIT_TIME).values_list("pk", flat=True))
