"""Candles from marks: where they open, and what they hold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.candles import INTERVALS, SHORTEST, Ohlc, drawn, opening

START = datetime(2026, 4, 9, 12, tzinfo=UTC)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
prices = st.integers(1, 10**7).map(lambda units: Decimal(units).scaleb(-2))
marks = st.lists(st.tuples(st.floats(0, 7_000), prices), min_size=1, max_size=60).map(
    lambda rows: [(START + timedelta(seconds=after), mark) for after, mark in sorted(rows, key=lambda row: row[0])]
)


@pytest.mark.parametrize(
    ("interval", "opened"),
    [
        ("5s", "2026-04-09T13:47:55"),
        ("1m", "2026-04-09T13:47:00"),
        ("5m", "2026-04-09T13:45:00"),
        ("15m", "2026-04-09T13:45:00"),
        ("1h", "2026-04-09T13:00:00"),
        ("4h", "2026-04-09T12:00:00"),
        ("1d", "2026-04-09T00:00:00"),
    ],
)
def test_candles_open_on_the_clock_of_utc(interval: str, opened: str) -> None:
    at = datetime(2026, 4, 9, 13, 47, 59, 999_999, UTC)
    assert opening(at, interval) == datetime.fromisoformat(opened).replace(tzinfo=UTC)


def test_every_interval_is_whole_ones_of_those_before_it() -> None:
    assert next(iter(INTERVALS)) == SHORTEST
    for shorter, longer in pairwise(INTERVALS.values()):
        assert longer > shorter
        assert longer % shorter == timedelta(0)
    assert timedelta(days=1) % max(INTERVALS.values()) == timedelta(0)


@given(moments, st.sampled_from(list(INTERVALS)))
def test_a_moment_is_in_the_candle_that_it_is_said_to_be_in(at: datetime, interval: str) -> None:
    opened = opening(at, interval)
    assert opened <= at < opened + INTERVALS[interval]
    assert opening(opened, interval) == opened


@given(st.lists(prices, min_size=1))
def test_a_candle_is_the_first_highest_lowest_and_last_of_its_marks(values: list[Decimal]) -> None:
    candle = Ohlc.of(values[0])
    for mark in values[1:]:
        candle.take(mark)
    assert candle == Ohlc(values[0], max(values), min(values), values[-1])


@given(st.lists(st.lists(prices, min_size=1), min_size=1))
def test_a_candle_of_candles_is_that_of_their_marks(parts: list[list[Decimal]]) -> None:
    whole: Ohlc | None = None
    for part in parts:
        shorter = Ohlc.of(part[0])
        for mark in part:  # again with each mark, as the one that forms grows
            shorter.take(mark)
            if whole is None:
                whole = shorter.copy()
            before = whole.copy()
            assert whole.absorb(shorter) == (whole != before)
            assert not whole.absorb(shorter)
    values = [mark for part in parts for mark in part]
    assert whole == Ohlc(values[0], max(values), min(values), values[-1])


@given(marks, st.sampled_from(list(INTERVALS)))
def test_the_past_is_drawn_without_holes(rows: list[tuple[datetime, Decimal]], interval: str) -> None:
    candles = drawn(rows, interval)
    assert list(candles) == sorted(candles)
    assert {later - earlier for earlier, later in pairwise(candles)} <= {INTERVALS[interval]}
    last = rows[0][1]
    for opened, candle in candles.items():
        inside = [mark for at, mark in rows if opening(at, interval) == opened] or [last]
        assert candle == Ohlc(inside[0], max(inside), min(inside), inside[-1])
        last = candle.close
