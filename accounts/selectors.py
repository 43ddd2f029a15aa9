"""What is read of users, tokens and accounts; writes are in `accounts.services`."""

from datetime import datetime
from hmac import compare_digest
from typing import Literal

from django.db.models import Q, QuerySet
from knox.crypto import hash_token

from accounts.models import Account, AccountAccess, Role, SessionToken, User

MAX_TOKEN_LENGTH = 200
AccountRole = Literal["owner", "trader", "viewer"]


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
    """Return the accounts that the user owns or has any access to, each once, ordered by id."""
    return _accounts(user_id, list(Role))


def tradable_accounts(user_id: int) -> QuerySet[Account]:
    """Return the accounts that the user owns or may trade, each once, ordered by id."""
    return _accounts(user_id, [Role.TRADER])


def account_role(user_id: int, account_id: int) -> AccountRole | None:
    """Return what the user is to the account; None where it does not exist for them."""
    if Account.objects.filter(pk=account_id, owner_id=user_id).exists():
        return "owner"
    role = AccountAccess.objects.filter(account_id=account_id, user_id=user_id).values_list("role", flat=True).first()
    if role is None:
        return None
    return "trader" if role == Role.TRADER else "viewer"


def may_act_as(user: User) -> bool:
    """Tell whether the user may switch to another one over the socket."""
    return user.is_active and user.has_perm("accounts.act_as_user")


def _accounts(user_id: int, roles: list[Role]) -> QuerySet[Account]:
    # A subquery, not a join: a join would repeat an account for each of its accesses.
    shared = AccountAccess.objects.filter(user_id=user_id, role__in=roles).values("account_id")
    return Account.objects.filter(Q(owner_id=user_id) | Q(pk__in=shared)).order_by("id")
