"""Checking a seed file whole: every problem is found before anything is written.

The file is a mapping of three lists, each of which may be left out:

    users:
      - username: alice             # who signs in
        password: …                 # left out: a random one is made and shown once
        email: alice@example.com    # optional
        staff: false                # optional: may open the admin
        superuser: false            # optional: may do everything in it
        permissions: [accounts.act_as_user]    # optional
    accounts:
      - owner: alice                # a user of this file or of the database
        name: Main Account          # unique for the owner
        starting_capital: 10000     # USDC, a decimal number ≥ 0, at most 6 decimals
        model: rsi_support_resistance          # optional: the model that trades it
        model_settings: {symbols: [BTC]}       # optional
        status: active              # optional: active or frozen
        access: [{user: bob, role: viewer}]    # optional: viewer or trader
    tokens:
      - user: alice
        label: bot                  # one valid token for each user and label
        scope: trade                # read or trade (which includes read)
        days: 30                    # optional: how long it is valid
"""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError

from accounts.models import Account, Role, Scope, SessionToken, Status, User
from accounts.seeding.plan import AccessSeed, AccountSeed, Plan, TokenSeed, UserSeed
from accounts.seeding.source import SeedError

MAX_DAYS = 3650
MISSING = object()


class Checker:
    """Collects problems; a value with a problem becomes None, so that the rest is still looked at."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, path: str, text: str) -> None:
        self.problems.append(f"{path}: {text}")

    def rows(self, data: dict[str, Any], key: str, prefix: str = "") -> list[tuple[str, Any]]:
        """Return the items of a list with their paths; an absent or empty one has none."""
        value = data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.problem(prefix + key, "must be a list")
            return []
        return [(f"{prefix}{key}[{index}]", item) for index, item in enumerate(value)]

    def mapping(self, path: str, value: Any, known: tuple[str, ...]) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            self.problem(path, f"must be a mapping with {', '.join(known)}")
            return None
        for key in value:
            if key not in known:
                self.problem(f"{path}.{key}", f"is not known; known are {', '.join(known)}")
        return value

    def value(
        self, path: str, row: dict[str, Any], key: str, check: Callable[[Any], Any], default: Any = MISSING
    ) -> Any:
        """Return `row[key]` as `check` gives it back; `check` raises `ValueError` or `ValidationError` otherwise."""
        value = row.get(key)
        if value is None:
            if default is MISSING:
                self.problem(f"{path}.{key}", "is missing")
                return None
            return default
        try:
            return check(value)
        except ValidationError as error:
            self.problem(f"{path}.{key}", " ".join(error.messages))
        except ValueError as error:
            self.problem(f"{path}.{key}", str(error))
        return None


def check(data: Any) -> Plan:
    """Return the plan that the parsed file describes. Reads the database for the names that it knows already.

    Raises `SeedError` with all problems at once.
    """
    checker = Checker()
    top = checker.mapping("file", data, ("users", "accounts", "tokens")) or {}
    users = [user for path, row in checker.rows(top, "users") if (user := _user(checker, path, row))]
    _unique(checker, "users", [user.username for user in users], "username")
    names = {user.username for user in users if user.username} | set(User.objects.values_list("username", flat=True))
    accounts = [a for path, row in checker.rows(top, "accounts") if (a := _account(checker, path, row, names))]
    _unique(checker, "accounts", [(account.owner, account.name) for account in accounts], "owner and name")
    tokens = [token for path, row in checker.rows(top, "tokens") if (token := _token(checker, path, row, names))]
    _unique(checker, "tokens", [(token.user, token.label) for token in tokens], "user and label")
    if checker.problems:
        raise SeedError(checker.problems)
    return Plan(tuple(users), tuple(accounts), tuple(tokens))


def _user(checker: Checker, path: str, value: Any) -> UserSeed | None:
    row = checker.mapping(path, value, ("username", "password", "email", "staff", "superuser", "permissions"))
    if row is None:
        return None
    permissions = [_permission(checker, path, item) for path, item in checker.rows(row, "permissions", f"{path}.")]
    return UserSeed(
        username=checker.value(path, row, "username", _of_field(User, "username")),
        password=checker.value(path, row, "password", _text(128), None),
        email=checker.value(path, row, "email", _of_field(User, "email"), ""),
        staff=checker.value(path, row, "staff", _flag, False),
        superuser=checker.value(path, row, "superuser", _flag, False),
        permissions=tuple(permissions),
    )


def _permission(checker: Checker, path: str, value: Any) -> str:
    app, _, codename = value.partition(".") if isinstance(value, str) else ("", "", "")
    if not Permission.objects.filter(content_type__app_label=app, codename=codename).exists():
        checker.problem(path, f"{value!r} is no permission; one is written like accounts.act_as_user")
    return str(value)


def _account(checker: Checker, path: str, value: Any, names: set[str]) -> AccountSeed | None:
    known = ("owner", "name", "starting_capital", "model", "model_settings", "status", "access")
    row = checker.mapping(path, value, known)
    if row is None:
        return None
    access = [a for at, item in checker.rows(row, "access", f"{path}.") if (a := _access(checker, at, item, names))]
    _unique(checker, f"{path}.access", [item.user for item in access], "user")
    return AccountSeed(
        owner=checker.value(path, row, "owner", _one_of_users(names)),
        name=checker.value(path, row, "name", _text(_longest(Account, "name"))),
        starting_capital=checker.value(path, row, "starting_capital", _capital),
        model=checker.value(path, row, "model", _text(_longest(Account, "model")), ""),
        model_settings=checker.value(path, row, "model_settings", _settings, {}),
        status=checker.value(path, row, "status", _one_of(Status.values), Status.ACTIVE.value),
        access=tuple(access),
    )


def _access(checker: Checker, path: str, value: Any, names: set[str]) -> AccessSeed | None:
    row = checker.mapping(path, value, ("user", "role"))
    if row is None:
        return None
    return AccessSeed(
        user=checker.value(path, row, "user", _one_of_users(names)),
        role=checker.value(path, row, "role", _one_of(Role.values)),
    )


def _token(checker: Checker, path: str, value: Any, names: set[str]) -> TokenSeed | None:
    row = checker.mapping(path, value, ("user", "label", "scope", "days"))
    if row is None:
        return None
    return TokenSeed(
        user=checker.value(path, row, "user", _active_user(names)),
        label=checker.value(path, row, "label", _text(_longest(SessionToken, "label"))),
        scope=checker.value(path, row, "scope", _one_of(Scope.values)),
        lifetime=checker.value(path, row, "days", _days, None),
    )


def _unique(checker: Checker, path: str, keys: list[Any], what: str) -> None:
    for index, key in enumerate(keys):
        known = None not in (key if isinstance(key, tuple) else (key,))
        if known and key in keys[:index]:
            checker.problem(f"{path}[{index}]", f"has the {what} of {path}[{keys.index(key)}]")


def _of_field(model: type[Any], name: str) -> Callable[[Any], str]:
    """Check a text by the rules of a model's field."""
    field = model._meta.get_field(name)

    def of_field(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        return str(field.clean(value, None))

    return of_field


def _longest(model: type[Any], name: str) -> int:
    return int(model._meta.get_field(name).max_length)


def _text(longest: int) -> Callable[[Any], str]:
    def text(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > longest:
            raise ValueError(f"must be printable text of 1 to {longest} characters")
        return value

    return text


def _one_of(allowed: list[str]) -> Callable[[Any], str]:
    def one_of(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return one_of


def _one_of_users(names: set[str]) -> Callable[[Any], str]:
    def one_of_users(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"{value!r} is a user neither of this file nor of the database")
        return value

    return one_of_users


def _active_user(names: set[str]) -> Callable[[Any], str]:
    def active_user(value: Any) -> str:
        name = _one_of_users(names)(value)
        if User.objects.filter(username=name, is_active=False).exists():
            raise ValueError(f"{name!r} is not active: no token can be issued")
        return name

    return active_user


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _days(value: Any) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_DAYS:
        raise ValueError(f"must be a whole number from 1 to {MAX_DAYS}")
    return timedelta(days=value)


def _capital(value: Any) -> Decimal:
    expected = "must be a decimal number ≥ 0"
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise ValueError(expected)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(expected) from None
    if not number.is_finite() or number < 0:
        raise ValueError(expected)
    Account._meta.get_field("starting_capital").clean(number, None)
    return number


def _settings(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a mapping")
    try:
        return json.loads(json.dumps(value, default=_number, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise ValueError(
            "must hold only what JSON can: text, finite numbers, true, false, null, lists, mappings"
        ) from None


def _number(value: Any) -> float:
    if not isinstance(value, Decimal):
        raise TypeError
    return float(value)
