"""Asking for candles over a real socket."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.builders import a_token, a_user
from tests.serving import Message, Server, client
from trading.domain.candles import opening
from trading.models import Candle, Instrument

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


def ask(server: Server, **data: Any) -> Message:
    """Ask once as a user without any account."""
    token = a_token(a_user(), scope="read")

    async def run() -> Message:
        async with client(server, token) as socket:
            return await socket.request("get_candles", **data)

    return asyncio.run(run())


@pytest.fixture
def last(transactional_db: None) -> datetime:
    """Store 400 candles of a minute; return when the last one opened, which forms now."""
    last = opening(now(), "1m")
    Candle.objects.bulk_create(
        Candle(
            instrument_id="BTC", interval="1m", opened_at=last - number * MINUTE, open="68500.5", high=68501 + number,
            low="68500", close="68501", volume=None if number else "0.25",
        )
        for number in range(400)
    )  # fmt: skip
    return last


def times(reply: Message) -> list[datetime]:
    assert reply["type"] == "candles", reply
    return [datetime.fromisoformat(each["timestamp"]) for each in reply["data"]["candles"]]


def test_the_last_candles_come_oldest_first_up_to_the_one_that_forms(server: Server, last: datetime) -> None:
    reply = ask(server, symbol="BTC", interval="1m")
    assert (reply["data"]["symbol"], reply["data"]["interval"]) == ("BTC", "1m")
    assert times(reply) == [last - number * MINUTE for number in range(299, -1, -1)]
    before, newest = reply["data"]["candles"][-2:]
    assert newest == {
        "timestamp": last.strftime("%Y-%m-%dT%H:%M:%SZ"), "open": 68500.5, "high": 68501.0, "low": 68500.0,
        "close": 68501.0, "volume": 0.25,
    }  # fmt: skip
    assert before["volume"] is None
    assert ask(server, symbol="BTC", interval="5m")["data"]["candles"] == []


def test_earlier_pages_follow_without_holes_or_doubles(server: Server, last: datetime) -> None:
    found: list[datetime] = []
    before: dict[str, str] = {}
    while page := times(ask(server, symbol="BTC", interval="1m", limit=150, **before)):
        assert len(page) <= 150
        found = [*page, *found]
        before = {"before": page[0].isoformat()}
    assert found == [last - number * MINUTE for number in range(399, -1, -1)]


def test_before_may_be_in_any_time_zone(server: Server, last: datetime) -> None:
    told = (last - 10 * MINUTE + timedelta(microseconds=1)).astimezone(
        datetime.fromisoformat("2026-01-01T00:00+05:30").tzinfo
    )
    assert times(ask(server, symbol="BTC", interval="1m", before=told.isoformat(), limit=1)) == [last - 10 * MINUTE]
    assert len(times(ask(server, symbol="BTC", interval="1m", limit=1_000))) == 400
    assert len(times(ask(server, symbol="BTC", interval="1m", before="9999-12-31T23:59:59Z"))) == 300
    assert times(ask(server, symbol="BTC", interval="1m", before="0001-01-01T00:00:00Z")) == []


def test_a_symbol_that_is_not_traded_is_unknown(server: Server) -> None:
    Instrument.objects.filter(pk="ETH").update(listed=False)
    for symbol in ("DOGE", "ETH", "btc"):
        assert ask(server, symbol=symbol, interval="1m")["data"]["code"] == "unknown_symbol"


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0}, {"limit": 1_001}, {"limit": "10"}, {"interval": "2m"}, {"interval": None}, {"symbol": ""},
        {"before": "2026-04-09T12:00:00"}, {"before": 1_790_000_000}, {"before": "yesterday"}, {"account_id": 1},
        {"before": "0001-01-01T00:00:00+14:00"}, {"before": "9999-12-31T23:59:59-14:00"},
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_by_name(server: Server, change: dict[str, Any]) -> None:
    reply = ask(server, **{"symbol": "BTC", "interval": "1m", **change})
    assert reply["data"]["code"] == "bad_request"
    assert [each["path"] for each in reply["data"]["fields"]] == list(change)
