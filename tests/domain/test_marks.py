"""Marks out of oracle, book and what other venues say."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.domain.given import NOW, SECOND, d
from trading.domain.marks import Ema, Inputs, Marker, mark_price

FULL = {"oracle": "10000", "bid": "10005", "ask": "10015", "last": "10012", "perp": "10018"}


def inputs(**changes: str | None) -> Inputs:
    return Inputs(**{name: None if text is None else d(text) for name, text in {**FULL, **changes}.items()})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "basis", "average", "mark"),
    [
        (inputs(), "20", None, "10018"),
        (inputs(), "-20", None, "10012"),
        (inputs(perp=None), "20", None, "10016"),
        (inputs(perp=None), "20", "10013", "10013"),
        (inputs(perp=None), "20", "10090", "10020"),
        (inputs(last=None), "20", None, "10018"),
        (inputs(last=None, perp=None), None, None, "10010"),
        (inputs(bid=None, ask=None, last=None), None, None, "10018"),
        (inputs(bid=None, ask=None, last=None, perp=None), None, None, "10000"),
        (inputs(ask=None, last=None), "20", None, "10018"),
    ],
)
def test_the_mark_is_the_median_of_what_is_known(
    given: Inputs, basis: str | None, average: str | None, mark: str
) -> None:
    result = mark_price(given, None if basis is None else d(basis), None if average is None else d(average))
    assert result == d(mark)


def test_the_average_forgets_with_its_time_constant() -> None:
    ema = Ema().after(d(3), d(10), 150)
    assert ema.value == 10
    assert ema.after(d(100_000), d(30), 150).value == 30
    assert ema.after(d(0), d(99), 150) == ema


def test_an_average_that_was_written_down_goes_on_as_if_it_had_not_been() -> None:
    ema = Ema().after(d("2.7"), d("0.123457"), 150).after(d("3.1"), d("17"), 150)
    read = Ema(Decimal(str(ema.numerator)), Decimal(str(ema.denominator)))
    assert read.after(d(3), d(5), 150) == ema.after(d(3), d(5), 150)


def test_a_marker_makes_a_mark_every_three_seconds_and_averages_all_that_it_sees() -> None:
    first = Marker().after(inputs(), NOW)
    assert (first.mark, first.basis.value) == (10_012, 10)
    second = first.after(inputs(perp="10014", bid="10013", ask="10017"), NOW + SECOND)
    assert second.mark == first.mark
    assert first.basis.value < second.basis.value < 15  # type: ignore[operator]
    third = second.after(inputs(perp="10014", bid="10013", ask="10017"), NOW + 3 * SECOND)
    assert third.mark == 10_013
    assert third.after(inputs(oracle="1"), NOW + 2 * SECOND) == third


def test_a_pause_forgets_what_was_before_it() -> None:
    first = Marker().after(inputs(), NOW)
    later = first.after(inputs(bid="10035", ask="10045"), NOW + timedelta(hours=2))
    assert abs((later.basis.value or 0) - 40) < d("1e-6")
