"""What fills took from books that are only assumed, and how it comes back.

A real book is remembered level by level until the market gives the next one. An assumed one has levels anew with each
mark, so what is remembered of it is how much notional a side lacks. It comes back at a steady rate, the whole assumed
side within the refill time: whoever slices a large order faster than that pays for its size all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

from trading.domain.book import SYNTHETIC_LEVELS, Level
from trading.domain.instruments import Instrument
from trading.domain.money import CONTEXT, ZERO

REFILL = timedelta(seconds=10)
"""How long a side that was taken whole takes to stand again."""
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Eaten:
    """`notional`, in USDC, that a side lacked at a time (UTC)."""

    notional: Decimal
    at: datetime

    def lacking(self, now: datetime, instrument: Instrument, refill: timedelta) -> Decimal:
        """Return what it still lacks."""
        elapsed = max(now - self.at, timedelta(0))
        if elapsed >= refill:
            return ZERO
        whole = instrument.depth_notional * SYNTHETIC_LEVELS
        back = CONTEXT.divide(whole * (elapsed // MICROSECOND), Decimal(refill // MICROSECOND))
        return max(ZERO, self.notional - back)


def depleted(levels: Sequence[Level], lacking: Decimal, size_decimals: int) -> tuple[Level, ...]:
    """Return levels, best first, without their first `lacking` USDC; what is left of a level is cut to the lot."""
    if not lacking:
        return tuple(level for level in levels if level.size)
    left: list[Level] = []
    with localcontext(CONTEXT):
        for level in levels:
            worth = level.price * level.size
            if lacking >= worth:
                lacking -= worth
                continue
            size = level.size
            if lacking:
                lot = Decimal(1).scaleb(-size_decimals)
                size, lacking = ((worth - lacking) / level.price).quantize(lot, ROUND_DOWN), ZERO
            if size:
                left.append(Level(level.price, size))
    return tuple(left)
