"""Indicators agree with worked cases to the digit."""

import csv
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.agents import indicators
from trading.agents.indicators import Columns, Floats, Level
from trading.domain.market import Bar

DATA = Path(__file__).parent.parent / "data"
CASES = json.loads((DATA / "indicators.json").read_text())
TOLERANCE = CASES["tolerance_abs"]


def recorded(length: int) -> list[Bar]:
    """The bars of the worked cases as they are in the file, not rounded to any tick."""
    with gzip.open(DATA / "bybit_btcusdt_perp_1m_20221213.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))[:length]
    return [
        Bar(
            "BTC",
            number,
            datetime.fromtimestamp(int(row["open_time_ms"]) / 1000, UTC),
            *(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")),
        )
        for number, row in enumerate(rows)
    ]


BARS = recorded(300)
COLUMNS = Columns.of(BARS)
HIGHS, LOWS, CLOSES = COLUMNS.highs, COLUMNS.lows, COLUMNS.closes


def array(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def test_the_cases_are_of_these_bars() -> None:
    assert CLOSES[:5].tolist() == CASES["input"]["close_0_4"]
    assert BARS[0].open_time.timestamp() * 1000 == CASES["input"]["first_open_time_ms"]


@pytest.mark.parametrize("period", [14, 7])
def test_rsi_agrees_with_the_worked_series(period: int) -> None:
    for index, expected in enumerate(CASES["series"][f"rsi_{period}"]):
        value = indicators.rsi(CLOSES[: index + 1], period)
        assert value is None if expected is None else value == pytest.approx(expected, abs=TOLERANCE)


def test_atr_agrees_with_the_worked_series() -> None:
    for index, expected in enumerate(CASES["series"]["atr_14"]):
        end = index + 1
        value = indicators.atr(HIGHS[:end], LOWS[:end], CLOSES[:end], 14)
        assert value is None if expected is None else value == pytest.approx(expected, abs=TOLERANCE)


def test_rsi_agrees_with_the_published_worksheet() -> None:
    case = CASES["stockcharts_rsi14"]
    for index, expected in enumerate(case["rsi"]):
        value = indicators.rsi(array(case["close"][: index + 1]), 14)
        assert value is None if expected is None else value == pytest.approx(expected, abs=1e-4)


def test_rsi_at_its_edges() -> None:
    edges = CASES["rsi_edges"]
    assert indicators.rsi(array([float(n) for n in range(1, 60)]), 14) == edges["all_up_last"] == 100
    assert indicators.rsi(array([float(60 - n) for n in range(59)]), 14) == edges["all_down_last"] == 0


@given(price=st.floats(0.01, 1e6), length=st.integers(0, 80))
def test_a_flat_series_has_no_rsi(price: float, length: int) -> None:
    assert indicators.rsi(array([price] * length), 14) is None


def test_pivots_agree_with_the_worked_ones() -> None:
    assert indicators.pivot_highs(HIGHS) == CASES["derived"]["pivot_highs_k3"]
    assert indicators.pivot_lows(LOWS) == CASES["derived"]["pivot_lows_k3"]


@given(st.lists(st.integers(1, 6), max_size=40))
def test_a_pivot_stands_out_from_three_bars_on_each_side(prices: list[int]) -> None:
    found = indicators.pivot_highs(array([float(price) for price in prices]))
    expected = [
        i
        for i in range(3, len(prices) - 3)
        if prices[i] > max(prices[i - 3 : i]) and prices[i] >= max(prices[i + 1 : i + 4])
    ]
    assert found == expected


def test_pivots_within_a_quarter_of_the_atr_are_one_level() -> None:
    turns = [100.0, 100.2, 100.25, 100.3, 103.0]
    lows = array([v for turn in turns for v in (110, 109, 108, turn, 108.5, 109.5, 110.5)])
    found = indicators.levels(np.full(len(lows), 120.0), lows, atr=1.0)
    assert [(level.price, level.touches) for level in found] == [
        (pytest.approx((100 + 100.2 + 100.25) / 3), 3),
        (100.3, 1),
        (103.0, 1),
    ]
    assert [indicators.is_strong(level.touches) for level in found] == [True, False, False]


def test_support_and_resistance_are_the_nearest_levels() -> None:
    found = [Level(90.0, 1), Level(95.0, 4), Level(105.0, 2), Level(110.0, 1)]
    assert indicators.support(found, 100, atr=4) == found[1]
    assert indicators.resistance(found, 100, atr=4) == found[2]
    assert indicators.support(found, 94, atr=4) == found[1], "a close a quarter ATR below still tests the level"
    assert indicators.support(found, 93.9, atr=4) == found[0], "further below, the level is broken"
    assert indicators.support(found, 80, atr=4) is None
    assert indicators.resistance(found, 120, atr=4) is None


def test_a_window_that_moves_on_reads_the_same_as_one_read_anew() -> None:
    before = Columns.of(BARS[0:50])
    for end, start in ((51, 1), (52, 2), (53, 0), (90, 40), (91, 41), (91, 41)):
        before = Columns.of(BARS[start:end], before)
        anew = Columns.of(BARS[start:end])
        for name in ("highs", "lows", "closes"):
            assert getattr(before, name).tolist() == getattr(anew, name).tolist()


def test_too_few_bars_say_nothing() -> None:
    few = array([1.0, 2.0, 3.0])
    assert indicators.rsi(few, 3) is None
    assert indicators.atr(few, few, few, 3) is None
    assert indicators.pivot_highs(few) == indicators.levels(few, few, 1.0) == []
    assert indicators.rsi(array([1.0, 2.0, 3.0, 2.0]), 3) is not None
