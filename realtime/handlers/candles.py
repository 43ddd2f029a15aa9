"""Reading candles."""

from datetime import UTC, datetime

from django.utils import timezone

from realtime import wire
from realtime.connection import Connection
from realtime.handlers.answer import Answer
from realtime.handlers.asked import refusal
from realtime.handlers.seeing import Viewer, check_session
from realtime.orm import in_orm
from realtime.protocol.candles import CandleData, Candles, GetCandles
from realtime.protocol.errors import FieldError, ProtocolError
from realtime.protocol.numbers import number, optional
from trading.candles import candles
from trading.domain.errors import Rejection
from trading.prices import glance


async def get_candles(connection: Connection, data: GetCandles) -> Answer:
    """Return the last candles of a symbol, or those before a moment."""
    return Answer(await in_orm(_candles, Viewer.of(connection.session), data, timezone.now()))


def _candles(viewer: Viewer, data: GetCandles, now: datetime) -> Candles:
    check_session(viewer, now)
    try:
        glance.market(now).instrument(data.symbol)
    except Rejection as error:
        raise refusal(error) from None
    rows = candles(data.symbol, data.interval, now, _utc(data.before), data.limit)
    return Candles(
        symbol=data.symbol,
        interval=data.interval,
        candles=[
            CandleData(
                timestamp=wire.utc(row.opened_at),
                open=number(row.open),
                high=number(row.high),
                low=number(row.low),
                close=number(row.close),
                volume=optional(row.volume),
            )
            for row in rows
        ],
    )


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:  # the first or last hours that there are, in another time zone
        told = "is out of range"
        raise ProtocolError("bad_request", f"before {told}.", fields=[FieldError("before", told)]) from None
