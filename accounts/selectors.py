"""What is read of users, tokens and accounts; writes are in `accounts.services`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hmac import compare_digest
from typing import Any

from django.db.models import Count, Q, QuerySet
from knox.crypto import hash_token

from accounts.models import Account, AccountAccess, SessionToken, User

MAX_TOKEN_LENGTH = 200

# By hand: every client begins with it, and the query costs a tenth of what it takes to build it from objects.
_VIEWS = f"""
    SELECT account.id, account.name, account.status, account.model, account.starting_capital, account.cash,
           account.owner_id, owner.username AS owner_name, access.role AS role
    FROM {Account._meta.db_table} account JOIN {User._meta.db_table} owner ON owner.id = account.owner_id
    LEFT JOIN {AccountAccess._meta.db_table} access ON access.account_id = account.id AND access.user_id = %s
    WHERE (account.owner_id = %s OR access.id IS NOT NULL) AND NOT account.is_house
    ORDER BY account.id
"""  # noqa: S608  (the names are the models' own)


def authenticate_token(raw: object, now: datetime) -> SessionToken | None:
    """Return the token, with its user, that `raw` is the plain text of; None where it opens nothing.

    Anything may be passed: what can't be a token (no string, empty, over 200 characters, other than printable ASCII)
    is refused before the database is asked. An expired or revoked token and that of an inactive user open nothing.
    """
    if not isinstance(raw, str) or not 0 < len(raw) <= MAX_TOKEN_LENGTH or not (raw.isascii() and raw.isprintable()):
        return None
    digest = hash_token(raw)
    token = SessionToken.objects.select_related("user").filter(digest=digest).first()
    if token is None or not compare_digest(token.digest, digest):
        return None
    return token if token.is_valid(now) and token.user.is_active else None


def visible_accounts(user_id: int) -> QuerySet[Account]:
    """Return the accounts that the user owns or has any access to, each once, ordered by id; never the house's."""
    # A subquery, not a join: a join would repeat an account for each of its accesses.
    shared = AccountAccess.objects.filter(user_id=user_id).values("account_id")
    return Account.objects.filter(Q(owner_id=user_id) | Q(pk__in=shared), is_house=False).order_by("id")


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as one user sees it. `role`: `owner`, `trader` or `viewer`. Amounts in USDC."""

    id: int
    name: str
    status: str
    model: str
    starting_capital: Decimal
    cash: Decimal
    owner_id: int
    owner_name: str
    role: str


def account_views(user_id: int) -> list[AccountView]:
    """Return the accounts that the user owns or has any access to, by id: one query."""
    rows: Iterable[Any] = Account.objects.raw(_VIEWS, [user_id, user_id])
    return [
        AccountView(
            id=row.pk,
            name=row.name,
            status=row.status,
            model=row.model,
            starting_capital=row.starting_capital,
            cash=row.cash,
            owner_id=row.owner_id,
            owner_name=row.owner_name,
            role="owner" if row.owner_id == user_id else row.role,
        )
        for row in rows
    ]


def may_act_as(user: User) -> bool:
    """Tell whether the user may switch to another one over the socket."""
    return user.is_active and user.has_perm("accounts.act_as_user")


def users_named(part: str, limit: int) -> list[tuple[User, int]]:
    """Return active users whose names contain `part`, by name, each with how many accounts are theirs."""
    users = User.objects.filter(is_active=True, username__icontains=part).order_by("username")
    counted = users.annotate(owned=Count("accounts", filter=Q(accounts__is_house=False)))
    return [(user, user.owned) for user in counted[:limit]]
