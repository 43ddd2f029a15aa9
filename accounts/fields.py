"""Exact numbers on disk."""

from decimal import Context, Decimal, Inexact
from typing import Any

from django import forms
from django.core import checks, exceptions
from django.db import models
from django.db.models import lookups
from django.db.models.expressions import Combinable

LIMIT = 2**63
DIGITS_OF_LIMIT = 19
# The caller's context may be narrow; this one holds every number that fits, and refuses to round any other.
EXACT = Context(prec=60, traps=[Inexact])


class FixedPointField(models.BigIntegerField):
    """Store a `Decimal` with a fixed number of decimals as a 64-bit integer.

    SQLite keeps decimals as floats, which lose cents beyond 15 figures; an integer of units is exact on every
    database, compares and sums right, and is fast. Its range is ±9.2e18 units.

    Raises `ValidationError` for a value that is not a finite number, has more decimals, or does not fit: nothing is
    ever rounded on its way to the disk.
    """

    # What the type checker takes such an attribute for.
    _pyi_private_set_type: Decimal | int | str | Combinable  # type: ignore[assignment]
    _pyi_private_get_type: Decimal  # type: ignore[assignment]

    def __init__(self, *args: Any, places: int, **kwargs: Any) -> None:
        self.places = places
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "places": self.places}

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        errors = super().check(**kwargs)
        if not 0 <= self.places <= 18:
            errors.append(checks.Error("places must be from 0 to 18", obj=self))
        return errors

    def to_python(self, value: Any) -> Decimal | None:
        if value is None:
            return None
        try:
            number = value if isinstance(value, Decimal) else Decimal(str(value))
        except ArithmeticError:
            raise exceptions.ValidationError(f"{value!r} is not a number") from None
        if not number.is_finite():
            raise exceptions.ValidationError(f"{value!r} is not a finite number")
        return number

    def get_prep_value(self, value: Any) -> int | None:
        number: Decimal | None = value
        if type(value) is Decimal and value.is_finite():
            pass  # nearly always, and a batch writes thousands
        elif hasattr(value, "resolve_expression"):
            return value
        else:
            number = self.to_python(value)
        if number is None:
            return None
        if not number:
            return 0
        # Before any arithmetic: "1e999999" would become an integer of a million digits.
        if number.adjusted() + self.places >= DIGITS_OF_LIMIT:
            raise exceptions.ValidationError(f"{number} is too large")
        try:
            units = number.scaleb(self.places, EXACT)
        except Inexact:
            units = Decimal("0.1")
        whole = int(units)
        if whole != units:
            raise exceptions.ValidationError(f"{number} has more than {self.places} decimals")
        if not -LIMIT <= whole < LIMIT:
            raise exceptions.ValidationError(f"{number} is too large")
        return whole

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else Decimal(int(value)).scaleb(-self.places, EXACT)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else format(value, "f")

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        self.get_prep_value(value)

    @property
    def validators(self) -> list[Any]:
        return []  # the range is that of the stored integer, which `get_prep_value` holds

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(
            self, **{"form_class": forms.DecimalField, "decimal_places": self.places, "max_digits": 18, **kwargs}
        )


# Those of integers round a float to a whole number first: 0.5 would be compared as 1.
FixedPointField.register_lookup(lookups.GreaterThanOrEqual)
FixedPointField.register_lookup(lookups.LessThan)


class MoneyField(FixedPointField):
    """An amount of USDC, exact at 1e-6."""

    def __init__(self, *args: Any, places: int = 6, **kwargs: Any) -> None:
        super().__init__(*args, places=places, **kwargs)


class PriceField(FixedPointField):
    """A price in USDC, at most 6 decimals."""

    def __init__(self, *args: Any, places: int = 6, **kwargs: Any) -> None:
        super().__init__(*args, places=places, **kwargs)


class SizeField(FixedPointField):
    """A size in units of the symbol, at most 8 decimals."""

    def __init__(self, *args: Any, places: int = 8, **kwargs: Any) -> None:
        super().__init__(*args, places=places, **kwargs)
