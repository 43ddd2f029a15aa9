"""Market feeds: pure sources of quotes and bars."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.instruments import Instrument
from trading.market.feeds.base import Feed
from trading.market.feeds.candles import shipped_series
from trading.market.feeds.manual import ManualFeed
from trading.market.feeds.recorded import RecordedFeed
from trading.market.feeds.replay import ReplayFeed
from trading.market.feeds.simulated import SimulatedFeed

KINDS = ("replay", "simulated", "manual")

START_PRICES = {"BTC": Decimal(67_000), "ETH": Decimal(3_500), "SOL": Decimal(150)}
START_PRICE = Decimal(100)
"""Where the simulated market starts, USDC; `START_PRICE` for a symbol that it knows nothing of."""

__all__ = ["KINDS", "Feed", "ManualFeed", "RecordedFeed", "ReplayFeed", "SimulatedFeed", "make_feed"]


def make_feed(
    kind: str,
    *,
    speed: float,
    seed: int,
    instruments: Mapping[str, Instrument],
    now: datetime,
    cursor: Mapping[str, Any] | None = None,
) -> Feed:
    """Make the feed of a kind, fresh or where `cursor` (of any kind of feed) says.

    `speed` is seconds of the market for one second of the wall clock, `seed` the simulated market's, `now` UTC. The
    replay prices only those instruments that are recorded. Raise `ValueError` for an unknown kind or bad arguments.
    """
    match kind:
        case "replay":
            return ReplayFeed(shipped_series(instruments), speed=speed, now=now, cursor=cursor)
        case "simulated":
            prices = {symbol: START_PRICES.get(symbol, START_PRICE) for symbol in instruments}
            return SimulatedFeed(prices, instruments, seed=seed, speed=speed, now=now, cursor=cursor)
        case "manual":
            return ManualFeed(tuple(instruments), cursor)
        case _:
            raise ValueError(f"There is no {kind!r} market feed; choose one of {', '.join(KINDS)}.")
