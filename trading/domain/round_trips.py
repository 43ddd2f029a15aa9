"""Trades as people count them: from the fill that opens a position to the one that leaves nothing of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from trading.domain.enums import PositionSide, Side
from trading.domain.money import CONTEXT, MICRO, ZERO


class Fill(Protocol):
    """One fill, as `TradeExecuted` tells it: `pnl` is gross of the fee and None where it closed nothing. USDC."""

    @property
    def symbol(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def size(self) -> Decimal: ...
    @property
    def fee(self) -> Decimal: ...
    @property
    def pnl(self) -> Decimal | None: ...
    @property
    def start_position(self) -> Decimal: ...
    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A position from its first fill to its last. `size` in units is the most that was held; the rest in USDC.

    `opened_at` and `entry` are None where it was opened before the first fill that is known, `closed_at` and `exit`
    while it is open. `pnl` is gross; `fees` are those of all its fills, of a fill that flipped the position the part
    that closed (or opened) it.
    """

    symbol: str
    side: PositionSide
    opened_at: datetime | None
    entry: Decimal | None
    size: Decimal
    pnl: Decimal = ZERO
    fees: Decimal = ZERO
    closed_at: datetime | None = None
    exit: Decimal | None = None

    @property
    def net_pnl(self) -> Decimal:
        """What it earned after fees."""
        return self.pnl - self.fees


@dataclass(slots=True)
class _Held:
    symbol: str
    side: PositionSide
    opened_at: datetime | None
    most: Decimal = ZERO
    bought: Decimal = ZERO
    bought_for: Decimal = ZERO
    sold: Decimal = ZERO
    sold_for: Decimal = ZERO
    pnl: Decimal = ZERO
    fees: Decimal = ZERO

    def trip(self, closed_at: datetime | None = None) -> RoundTrip:
        entry = None
        if self.opened_at is not None:
            entry = CONTEXT.divide(self.bought_for, self.bought).quantize(MICRO, context=CONTEXT)
        left = CONTEXT.divide(self.sold_for, self.sold).quantize(MICRO, context=CONTEXT) if self.sold else None
        return RoundTrip(self.symbol, self.side, self.opened_at, entry, self.most, self.pnl, self.fees, closed_at, left)


def round_trips(fills: Iterable[Fill]) -> list[RoundTrip]:
    """Return the round trips of one account's fills, oldest first: in the order in which they ended, open ones last."""
    held: dict[str, _Held] = {}
    done: list[RoundTrip] = []
    for fill in fills:
        start = fill.start_position
        sign = fill.side.sign
        closes = min(fill.size, max(ZERO, -start * sign))
        opens = fill.size - closes
        fee_left = fill.fee
        if closes:
            side = PositionSide.LONG if start > 0 else PositionSide.SHORT
            trip = held.get(fill.symbol) or _Held(fill.symbol, side, None, abs(start), abs(start))
            share = CONTEXT.divide(fill.fee * closes, fill.size).quantize(MICRO, context=CONTEXT)
            fee_left -= share
            trip.sold += closes
            trip.sold_for += closes * fill.price
            trip.pnl += fill.pnl or ZERO
            trip.fees += share
            held[fill.symbol] = trip
            if closes == abs(start):
                done.append(held.pop(fill.symbol).trip(fill.at))
        if opens:
            side = PositionSide.LONG if sign > 0 else PositionSide.SHORT
            trip = held.setdefault(fill.symbol, _Held(fill.symbol, side, fill.at))
            trip.bought += opens
            trip.bought_for += opens * fill.price
            trip.fees += fee_left
            trip.most = max(trip.most, trip.bought - trip.sold)
    return done + [trip.trip() for trip in held.values()]
