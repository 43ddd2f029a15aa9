"""Numbers and margins at their edges."""

from decimal import Decimal

import pytest

from tests.domain.given import BTC, d
from trading.domain import margin
from trading.domain.enums import PositionSide, Side
from trading.domain.funding import payment
from trading.domain.instruments import price_is_valid, round_to_tick, size_is_valid, tiers_from
from trading.domain.money import decimals, problem_with_positive, round_micro, truncate
from trading.domain.positions import Position, apply_fill

MANY = "0" * 70
THIRDS = tiers_from([[0, 7], [100_000, 3]])


@pytest.mark.parametrize(
    ("text", "places"),
    [("1", 0), ("1.50", 1), ("1000", 0), ("1E+5", 0), ("1E-7", 7), ("0", 0), ("0.000", 0), (f"1.{MANY}1", 71)],
)
def test_decimal_places_are_those_that_a_number_needs(text: str, places: int) -> None:
    assert decimals(d(text)) == places


def test_a_number_of_many_digits_is_not_taken_for_a_short_one() -> None:
    assert not size_is_valid(d(f"1.{MANY}1"), 5)
    assert not price_is_valid(d(f"67000.{MANY}1"), 5)
    assert problem_with_positive(d(f"1.{MANY}1")) == "has too many decimal places"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1", None),
        ("0", "must be greater than 0"),
        ("-1", "must be greater than 0"),
        ("NaN", "must be a finite number"),
        ("Infinity", "must be a finite number"),
        ("1e12", "must be less than 1000000000000"),
        ("1e-19", "has too many decimal places"),
        ("999999999999.999999", None),
    ],
)
def test_what_a_price_or_size_may_be(text: str, problem: str | None) -> None:
    assert problem_with_positive(d(text)) == problem


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "0", "-5"])
def test_what_is_no_positive_number_is_no_price_and_no_size(text: str) -> None:
    assert not price_is_valid(d(text), 2)
    assert not size_is_valid(d(text), 2)


@pytest.mark.parametrize(
    ("price", "size_decimals", "rounded"),
    [("67123.45", 5, "67123"), ("99999.6", 5, "100000"), ("123456.7", 5, "123457"), ("1.23456", 2, "1.2346")],
)
def test_a_price_rounded_to_the_tick_is_valid(price: str, size_decimals: int, rounded: str) -> None:
    result = round_to_tick(d(price), size_decimals)
    assert result == d(rounded)
    assert price_is_valid(result, size_decimals)


def test_amounts_are_cut_or_rounded_at_a_micro() -> None:
    assert truncate(d("1.9999999")) == d("1.999999")
    assert truncate(d("-1.9999999")) == d("-1.999999")
    assert [round_micro(d(text)) for text in ("0.0000005", "0.0000015")] == [d(0), d("0.000002")]


def test_funding_moves_between_longs_and_shorts() -> None:
    long, short = (payment(d(size), d("67000"), d("0.0000125")) for size in ("0.3", "-0.3"))
    assert long == -short == d("-0.25125")


def test_two_thirds_of_the_maintenance_margin_is_not_yet_for_the_backstop() -> None:
    assert margin.is_liquidatable(d("2.999999"), d(3))
    assert not margin.is_liquidatable(d(3), d(3))
    assert not margin.is_for_backstop(d(2), d(3))
    assert margin.is_for_backstop(d("1.999999"), d(3))


@pytest.mark.parametrize("side", PositionSide)
@pytest.mark.parametrize("size", ["0.3", "0.7", "1.1", "1.3", "3", "7", "9.1"])
def test_an_account_may_be_liquidated_exactly_where_a_tier_begins(size: str, side: PositionSide) -> None:
    position = Position("X", 3, side, d(size), d(100_000))
    mark = d(90_000)
    at_bound = margin.maintenance(THIRDS, d(100_000)).margin
    value = at_bound - side.sign * (100_000 - position.value(mark))
    own = margin.maintenance(THIRDS, position.value(mark)).margin
    price = margin.liquidation_price(position, mark, value, own, THIRDS)
    assert price is not None
    assert abs(price - d(100_000) / d(size)) < d("1e-10")


def test_a_flat_position_has_no_liquidation_price_and_no_return() -> None:
    flat = Position("BTC", 10)
    assert margin.liquidation_price(flat, d(67_000), d(1_000), d(0), BTC.tiers) is None
    assert margin.return_on_equity(flat, d(67_000)) == flat.entry_price == 0


def test_a_position_reduced_lot_by_lot_loses_nothing_to_rounding() -> None:
    position = Position("BTC", 10)
    for size, price in (("0.00003", "67001"), ("0.00004", "67003.7")):
        position = apply_fill(position, Side.BUY, d(size), d(price)).position
    paid, received = position.entry_notional, Decimal(0)
    for _ in range(7):
        position = apply_fill(position, Side.SELL, d("0.00001"), d("66000.1")).position
        received += d("0.66000100000") * 1
        assert position.entry_notional >= 0
    assert position.size == position.entry_notional == 0
    assert position.realized_pnl == received - paid
