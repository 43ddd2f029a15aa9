"""What a seed file asks for, once it is checked."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class UserSeed:
    username: str
    password: str | None = None
    email: str = ""
    staff: bool = False
    superuser: bool = False
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccessSeed:
    user: str
    role: str


@dataclass(frozen=True)
class AccountSeed:
    owner: str
    name: str
    starting_capital: Decimal
    model: str = ""
    model_settings: dict[str, Any] = field(default_factory=dict)
    status: str = "active"
    access: tuple[AccessSeed, ...] = ()


@dataclass(frozen=True)
class TokenSeed:
    user: str
    label: str
    scope: str
    lifetime: timedelta | None = None


@dataclass(frozen=True)
class Plan:
    users: tuple[UserSeed, ...]
    accounts: tuple[AccountSeed, ...]
    tokens: tuple[TokenSeed, ...]
