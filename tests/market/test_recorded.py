"""Recorded candles are played once, at the times at which they happened."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trading.domain.instruments import Instrument, MarginTier
from trading.domain.market import Bar, Quote
from trading.market.feeds import RecordedFeed
from trading.market.feeds.candles import read_candles

START = datetime(2022, 1, 1, tzinfo=UTC)
BTC = Instrument("BTC", 5, (MarginTier(Decimal(0), 40),))
MINUTE = timedelta(minutes=1)


def bars(*prices: tuple[int, int, int, int]) -> list[Bar]:
    return [
        Bar("BTC", number, START + number * MINUTE, *map(Decimal, four), volume=Decimal(1))
        for number, four in enumerate(prices)
    ]


@pytest.fixture
def feed() -> RecordedFeed:
    return RecordedFeed({"BTC": bars((1, 2, 1, 2), (10, 19, 8, 18), (18, 20, 11, 12))}, warmup=1)


def test_each_bar_is_walked_in_its_own_minute_and_closes_at_its_end(feed: RecordedFeed) -> None:
    assert (feed.start, feed.bars) == (START + MINUTE, 2)
    moments = list(feed.moments())
    assert moments == [feed.start + number * MINUTE / 4 for number in range(1, 9)]
    events = [feed.advance(moment) for moment in moments]
    quotes = [event for each in events for event in each if isinstance(event, Quote)]
    assert [int(quote.mark) for quote in quotes] == [10, 8, 19, 18, 18, 20, 11, 12]
    assert [quote.at for quote in quotes] == moments
    closed = [[event.number for event in each if isinstance(event, Bar)] for each in events]
    assert closed == [[], [], [], [1], [], [], [], [2]]
    assert feed.advance(START + timedelta(days=9)) == []


def test_nothing_is_left_out_however_late_one_asks(feed: RecordedFeed) -> None:
    assert len(feed.advance(START + timedelta(days=9))) == 10
    assert list(feed.moments()) == []


def test_the_history_is_what_closed_before(feed: RecordedFeed) -> None:
    assert [bar.number for bar in feed.history("BTC")] == [0]
    feed.advance(START + 2 * MINUTE)
    assert [bar.number for bar in feed.history("BTC")] == [1]


def test_numbers_go_on_after_those_of_the_feed_before() -> None:
    feed = RecordedFeed({"BTC": bars((1, 2, 1, 2), (1, 2, 1, 2))}, cursor={"kind": "replay", "next_bar": 700}, warmup=1)
    assert [bar.number for bar in feed.history("BTC")] == [699]
    assert [event.number for event in feed.advance(START + 2 * MINUTE) if isinstance(event, Bar)] == [700]
    assert feed.cursor() == {"kind": "recorded", "next_bar": 701}


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves nothing after 1 bars"):
        RecordedFeed({"BTC": bars((1, 2, 1, 2))}, warmup=1)
    with pytest.raises(ValueError, match="same minutes"):
        RecordedFeed({"BTC": bars((1, 2, 1, 2)), "ETH": bars((1, 2, 1, 2), (1, 2, 1, 2))}, warmup=1)


def test_a_plain_file_with_written_times_is_read(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    rows = ["2022-01-01 00:00:00.000000,46319.0,46385.0,46300.5,46377.0,23.7", "2022-01-01T01:01:00+01:00,1,2,1,2,0"]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
    first, second = read_candles(path, BTC)
    assert (first.open_time, second.open_time) == (START, START + MINUTE)
    assert (first.open, first.high, first.low, first.close) == (46319, 46385, Decimal("46300"), 46377)
