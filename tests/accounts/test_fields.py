from decimal import Decimal, localcontext

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Sum
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.fields import LIMIT, FixedPointField, MoneyField, SizeField
from accounts.models import Account, User
from accounts.services import open_account
from tests.accounts.given import NOW

MONEY = MoneyField()
units = st.integers(min_value=-LIMIT, max_value=LIMIT - 1)


@given(units, st.integers(min_value=0, max_value=18))
@example(LIMIT - 1, 6)
@example(-LIMIT, 0)
@example(-LIMIT, 18)
def test_every_stored_integer_comes_back_as_it_was(whole: int, places: int) -> None:
    field = FixedPointField(places=places)
    assert field.get_prep_value(field.from_db_value(whole, None, None)) == whole


@given(units)
def test_exactness_does_not_hang_on_the_callers_context(whole: int) -> None:
    with localcontext() as context:
        context.prec = 3
        value = MONEY.from_db_value(whole, None, None)
        assert MONEY.get_prep_value(value) == whole
    assert value * 1_000_000 == whole


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "",
        "ten",
        True,
        [],
        "0.0000001",
        "1.00000000000000000000000000000000000001",
        "1." + "0" * 100 + "1",
        "1E-999999",
        "9223372036854.775808",
        "-9223372036854.775809",
        "1E999999",
        10**40,
    ],
)
def test_what_would_be_rounded_or_does_not_fit_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        MONEY.get_prep_value(value)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (0, 0),
        ("-0", 0),
        ("0E999999", 0),
        ("1." + "0" * 100, 1_000_000),
        (0.1, 100_000),
        ("1e3", 1_000_000_000),
        ("9223372036854.775807", 2**63 - 1),
        ("-9223372036854.775808", -(2**63)),
    ],
)
def test_what_fits_is_stored_exactly(value: object, stored: int | None) -> None:
    assert MONEY.get_prep_value(value) == stored


def test_sizes_have_eight_decimals() -> None:
    assert SizeField().get_prep_value(Decimal("0.00000001")) == 1


@pytest.mark.django_db
def test_figures_beyond_fifteen_digits_survive_the_disk(owner: User) -> None:
    capital = Decimal("9223372036853.123457")
    open_account(owner=owner, name="Large", starting_capital=capital, now=NOW)
    assert Account.objects.get(name="Large").cash == capital
    assert Account.objects.aggregate(total=Sum("cash"))["total"] == capital


@pytest.mark.django_db
def test_comparing_with_a_float_does_not_round_it_to_a_whole(owner: User) -> None:
    open_account(owner=owner, name="Half", starting_capital=Decimal("0.6"), now=NOW)
    assert Account.objects.filter(cash__gte=0.5, cash__lt=0.7).exists()
    assert not Account.objects.filter(cash__lt=0.6).exists()


def test_a_bad_value_is_found_by_validation_before_the_disk() -> None:
    with pytest.raises(ValidationError, match="more than 6 decimals"):
        MONEY.clean(Decimal("0.0000001"), None)
