"""What may be read of candles."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.models import Candle


@dataclass(frozen=True, slots=True)
class CandleView:
    """A candle: when it opened (UTC), its prices (USDC), and its volume in units of the symbol, None if not known."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None


def candles(symbol: str, interval: str, now: datetime, before: datetime | None, limit: int) -> list[CandleView]:
    """Return the last `limit` candles that opened before a moment, oldest first; None: up to that forming at `now`.

    Times are UTC. One query, by index.
    """
    # Not later ones: the clock may have been set back since they were written.
    rows = Candle.objects.filter(instrument=symbol, interval=interval, opened_at__lte=now)
    if before is not None:
        rows = rows.filter(opened_at__lt=before)
    found = rows.order_by("-opened_at").values_list("opened_at", "open", "high", "low", "close", "volume")[:limit]
    return [CandleView(*row) for row in found][::-1]
