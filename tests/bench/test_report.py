"""Figures become medians, ratios within a repeat, and verdicts."""

import json

import pytest

from bench.event import BYTES, event
from bench.plan import FULL
from bench.report.table import table
from bench.results import Results, Summary
from bench.targets import verdicts
from bench.watch import slope


@pytest.fixture
def results() -> Results:
    made = Results()
    for ours, first, second in ((100, 5, 20), (200, 10, 8), (90, 30, 1)):
        made.add("fanout@500", "hyperoru", ours)
        made.add("fanout@500", "stock-redis", first)
        made.add("fanout@500", "stock-pubsub", second)
    return made


def test_a_ratio_is_to_the_best_of_the_others_within_the_same_repeat(results: Results) -> None:
    assert results.ratio("fanout@500", "hyperoru", ("stock-redis", "stock-pubsub")) == [5, 20, 3]
    assert results.ratio("fanout@500", "hyperoru", ("picows",)) == []


def test_a_summary_is_the_median_and_the_extremes() -> None:
    assert Summary.of([3, 1, 2]) == Summary(2, 1, 3)


def test_what_was_not_measured_is_not_judged(results: Results) -> None:
    (found,) = verdicts(results, FULL)
    assert (found.told, found.enough) == ("5.00 ×", False)


def test_the_table_tells_medians_spread_and_verdicts(results: Results) -> None:
    told = table(results, FULL, verdicts(results, FULL))
    assert "100 (90–200)" in told
    assert "SHORT  fan-out to 500" in told


def test_the_event_of_the_others_has_its_size() -> None:
    assert len(json.dumps(event())) == BYTES


def test_a_slope_is_the_rise_in_a_second() -> None:
    assert slope([0, 1, 2, 3], [10, 12, 14, 16]) == pytest.approx(2)
    assert slope([1], [1]) == 0
