"""How well an account did, worked out by hand."""

import math
from datetime import timedelta
from decimal import Decimal
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import NOW, d
from trading.domain import performance as p
from trading.domain.performance import Point

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def points(*values: object, every: timedelta = HOUR) -> list[Point]:
    """Points an hour apart; a pair is equity and all deposits until then."""
    pairs = (value if isinstance(value, tuple) else (value, 0) for value in values)
    return [Point(NOW + number * every, d(equity), d(deposits)) for number, (equity, deposits) in enumerate(pairs)]


def test_a_return_is_what_the_equity_became() -> None:
    assert p.return_pct(points(100, 110, 99, 120)) == 20
    assert p.return_pct(points(100)) is None
    assert p.return_pct([]) is None
    assert p.return_pct(points(0, 0)) is None
    assert p.return_pct(points(100, 0)) == -100
    assert p.return_pct(points(3, 4)) == d("33.333333")


def test_deposits_and_withdrawals_are_neither_gain_nor_loss() -> None:
    assert p.return_pct(points((100, 100), (200, 200))) == 0
    assert p.return_pct(points((100, 100), (220, 200), (120, 100))) == 10
    assert p.growth(points((100, 100), (150, 100), (50, 0), (25, 0))) == [1, 1.5, 1.5, 0.75]
    assert p.growth(points(0, (100, 100), (150, 100))) == [1, 1, 1.5], "opened with nothing"
    assert p.growth(points(100, 0, (100, 100))) == [1, 0, 0], "what is lost stays lost"


def test_a_drawdown_is_the_deepest_fall_from_an_earlier_peak() -> None:
    found = p.max_drawdown(points(100, 110, 99, 120, 60, 130))
    assert (found.pct, found.peak_at, found.trough_at) == (50, NOW + 3 * HOUR, NOW + 4 * HOUR)
    assert p.max_drawdown(points(1, 2, 3)) == p.Drawdown()
    assert p.max_drawdown([]) == p.Drawdown()
    assert p.max_drawdown(points((100, 0), (50, -50))).pct == 0, "a withdrawal is no drawdown"


def test_returns_are_of_whole_periods_and_carry_the_last_point_on() -> None:
    assert p.returns(points(100, 110, 99), HOUR) == pytest.approx([0.1, -0.1])
    gap = [Point(NOW, d(100)), Point(NOW + 2.5 * HOUR, d(120)), Point(NOW + 4 * HOUR, d(120))]
    assert p.returns(gap, HOUR) == pytest.approx([0, 0, 0.2, 0])
    assert p.returns(points(100, 110), DAY) == []
    assert p.returns([], DAY) == []


@pytest.mark.parametrize(("hours", "expected"), [(30 * 24, DAY), (30 * 24 - 1, HOUR), (30, HOUR), (29, p.PERIODS[-1])])
def test_the_period_is_the_longest_of_which_there_are_enough(hours: int, expected: timedelta) -> None:
    assert p.period_for([Point(NOW, d(1)), Point(NOW + hours * HOUR, d(1))]) == expected


def test_sharpe_and_sortino_of_returns_worked_by_hand() -> None:
    values = [0.1, -0.1, 0.2]
    year = math.sqrt(365)
    assert p.sharpe(values, DAY) == pytest.approx(fmean(values) / stdev(values) * year)
    assert p.sortino(values, DAY) == pytest.approx(fmean(values) / math.sqrt(0.01 / 3) * year)
    assert p.sharpe(values, HOUR) == pytest.approx(fmean(values) / stdev(values) * math.sqrt(365 * 24))
    assert p.sharpe([0.1], DAY) is p.sharpe([0.1, 0.1], DAY) is p.sharpe([], DAY) is None
    assert p.sortino([0.1, 0.2], DAY) is p.sortino([], DAY) is None


def test_closed_trades() -> None:
    profits = [d(3), d(-1), d(0), d("-0.5")]
    assert p.win_rate(profits) == 25
    assert p.profit_factor(profits) == 2
    assert p.win_rate([]) is p.profit_factor([]) is p.profit_factor([d(1)]) is None


def test_turnover_is_of_the_mean_equity() -> None:
    assert p.turnover(d(300), points(100, 200)) == 2
    assert p.turnover(d(300), points(0)) is p.turnover(d(300), []) is None


@given(st.lists(st.decimals("0.01", "1000000", places=2), min_size=2, max_size=40))
def test_growth_return_and_drawdown_agree(equity: list[Decimal]) -> None:
    seen = points(*equity)
    total = p.return_pct(seen)
    assert total is not None
    assert p.growth(seen)[-1] == pytest.approx(1 + float(total) / 100, abs=1e-6)
    fallen = p.max_drawdown(seen)
    assert 0 <= fallen.pct <= 100
    assert float(fallen.pct) >= min(0.0, float(total)) * -1 - 1e-6
    product = math.prod(1 + value for value in p.returns(seen, HOUR))
    assert product == pytest.approx(p.growth(seen)[-1])
