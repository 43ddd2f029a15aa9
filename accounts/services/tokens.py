from datetime import datetime, timedelta

from django.db import transaction
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts.models import Scope, SessionToken, User

TOKEN_PREFIX = "hy_"  # noqa: S105 (no secret: it lets scanners of leaked secrets know one when they see one)


@transaction.atomic
def issue_token(
    *, user: User, scope: str, label: str, now: datetime, lifetime: timedelta | None
) -> tuple[SessionToken, str]:
    """Issue a session token to `user`.

    Returns the row and the token itself, which is kept nowhere and can't be shown again. `lifetime` counts from
    `now`; None never expires. `scope` is `read` or `trade`.

    Raises `ValidationError` for an unknown scope or a bad label, `ValueError` for a lifetime that is not positive or
    a user who is not active.
    """
    if not user.is_active:
        raise ValueError(f"{user} is not active: no token can be issued.")
    if lifetime is not None and lifetime <= timedelta(0):
        raise ValueError("The lifetime of a token must be positive.")
    token, raw = build_token(user=user, scope=scope, label=label, expiry=None if lifetime is None else now + lifetime)
    token.full_clean()
    token.save(force_insert=True)
    return token, raw


def build_token(
    *, user: User, scope: str, label: str, expiry: datetime | None, django_session: str | None = None
) -> tuple[SessionToken, str]:
    """Make an unsaved token and its plain text, digested as Knox does.

    Knox's own manager counts the expiry from the clock; here it is exactly the one given.
    """
    digest, raw = get_digest_token(TOKEN_PREFIX)
    token = SessionToken(
        user=user,
        digest=digest,
        token_key=raw[: CONSTANTS.TOKEN_KEY_LENGTH],
        scope=Scope(scope) if scope in Scope.values else scope,
        label=label,
        expiry=expiry,
        django_session=django_session,
    )
    return token, raw


@transaction.atomic
def revoke_token(*, token: SessionToken, now: datetime) -> SessionToken:
    """End a token for good. Revoking it again changes nothing, not even the time.

    The row is saved, not updated in bulk: `post_save` is how open sockets learn that they must close.
    """
    fresh = SessionToken.objects.select_for_update().get(pk=token.pk)
    if fresh.revoked_at is None:
        fresh.revoked_at = now
        fresh.save(update_fields=["revoked_at"])
    token.revoked_at = fresh.revoked_at
    return token


@transaction.atomic
def revoke_tokens_of(*, user: User, now: datetime) -> int:
    """End every token of `user`, the expired too: that of a browser would live on with its session.

    Returns how many there were.
    """
    tokens = list(SessionToken.objects.filter(user=user, revoked_at=None))
    for token in tokens:
        revoke_token(token=token, now=now)
    return len(tokens)
