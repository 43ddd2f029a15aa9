"""Candles: asking for them and telling them."""

from typing import Annotated, Literal

import msgspec

from realtime.protocol.messages import Reply, Request, Symbol, Timestamp
from realtime.protocol.numbers import Number

Interval = Literal["5s", "1m", "5m", "15m", "1h", "4h", "1d"]
CandleLimit = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class GetCandles(Request, frozen=True):
    """The symbol and the interval of the candles, before when, and how many of them."""

    symbol: Symbol
    interval: Interval
    before: Timestamp | None = None
    limit: CandleLimit = 300


class CandleData(Reply, frozen=True):
    """The marks of an interval, in USDC."""

    timestamp: Timestamp
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None


class Candles(Reply, frozen=True):
    """A symbol's candles, oldest first."""

    symbol: str
    interval: str
    candles: list[CandleData]
