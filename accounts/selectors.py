"""What is read of users, tokens and accounts; writes are in `accounts.services`."""

from datetime import datetime
from hmac import compare_digest

from django.db.models import Q, QuerySet
from knox.crypto import hash_token

from accounts.models import Account, AccountAccess, SessionToken, User

MAX_TOKEN_LENGTH = 200


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
    # A subquery, not a join: a join would repeat an account for each of its accesses.
    shared = AccountAccess.objects.filter(user_id=user_id).values("account_id")
    return Account.objects.filter(Q(owner_id=user_id) | Q(pk__in=shared)).order_by("id")


def may_act_as(user: User) -> bool:
    """Tell whether the user may switch to another one over the socket."""
    return user.is_active and user.has_perm("accounts.act_as_user")
