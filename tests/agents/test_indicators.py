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
from trading.agents.indicators import Columns, Floats, Level, Window
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


@pytest.mark.parametrize("period", [9, 20, 21, 50])
def test_ema_agrees_with_the_worked_series(period: int) -> None:
    for index, expected in enumerate(CASES["series"][f"ema_{period}"]):
        value = indicators.ema(CLOSES[: index + 1], period)
        assert value is None if expected is None else value == pytest.approx(expected, abs=TOLERANCE)


def test_macd_histogram_agrees_with_the_worked_series() -> None:
    for index, expected in enumerate(CASES["series"]["macd_hist"]):
        value = indicators.macd_histogram(CLOSES[: index + 1], 12, 26, 9)
        assert value is None if expected is None else value == pytest.approx(expected, abs=TOLERANCE)


def test_donchian_agrees_with_the_worked_channels_of_the_bar_before() -> None:
    highs, lows = (CASES["series"][f"donchian_{name}_20"] for name in ("high", "low"))
    for index in range(1, len(CLOSES)):
        high = indicators.donchian_high(HIGHS[: index + 1], 20)
        low = indicators.donchian_low(LOWS[: index + 1], 20)
        assert high is None if highs[index - 1] is None else high == pytest.approx(highs[index - 1], abs=TOLERANCE)
        assert low is None if lows[index - 1] is None else low == pytest.approx(lows[index - 1], abs=TOLERANCE)


def test_crosses_and_breakouts_are_where_the_worked_ones_are() -> None:
    crosses, breaks = [], []
    for index in range(len(CLOSES)):
        end = index + 1
        cross = indicators.ema_cross(CLOSES[:end], 9, 21)
        if cross is not None and cross.crossed:
            crosses.append([index, "up" if cross.crossed > 0 else "down"])
        high, low = indicators.donchian_high(HIGHS[:end], 20), indicators.donchian_low(LOWS[:end], 20)
        if high is not None and CLOSES[index] > high:
            breaks.append([index, "up"])
        if low is not None and CLOSES[index] < low:
            breaks.append([index, "down"])
    assert crosses == CASES["derived"]["ema9_21_crosses"]
    assert breaks == CASES["derived"]["donchian20_breaks_close_vs_prior_channel"]


def test_a_cross_counts_as_long_as_it_is_fresh() -> None:
    [(at, _), *_] = CASES["derived"]["ema9_21_crosses"]
    for age in range(5):
        cross = indicators.ema_cross(CLOSES[: at + 1 + age], 9, 21, within=3)
        assert cross is not None
        assert cross.crossed == (1 if age < 3 else 0)
        assert (cross.fast, cross.slow) == (
            indicators.ema(CLOSES[: at + 1 + age], 9),
            indicators.ema(CLOSES[: at + 1 + age], 21),
        )


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


def test_a_window_of_a_series_read_once_is_the_window_read_anew_bit_for_bit() -> None:
    rows = Window.rows_of(BARS)
    for start, end in ((0, 1), (0, 50), (37, 178), (159, 300)):
        window = Window(BARS, rows, start, end)
        seen, anew = Columns.of(window), Columns.of(BARS[start:end])
        for name in ("highs", "lows", "closes"):
            assert getattr(seen, name).tobytes() == getattr(anew, name).tobytes()
        if end - start > 20:
            assert indicators.rsi(seen.closes, 14) == indicators.rsi(anew.closes, 14)
            assert indicators.atr(seen.highs, seen.lows, seen.closes, 14) == indicators.atr(
                anew.highs, anew.lows, anew.closes, 14
            )
        assert seen.last is anew.last is BARS[end - 1]
        assert list(window) == BARS[start:end]
        assert (window[-1], len(window)) == (BARS[end - 1], end - start)
        assert list(window[-10:]) == BARS[start:end][-10:]
        with pytest.raises(IndexError):
            window[end - start]


def test_too_few_bars_say_nothing() -> None:
    few = array([1.0, 2.0, 3.0])
    assert indicators.rsi(few, 3) is None
    assert indicators.atr(few, few, few, 3) is None
    assert indicators.pivot_highs(few) == indicators.levels(few, few, 1.0) == []
    assert indicators.rsi(array([1.0, 2.0, 3.0, 2.0]), 3) is not None
