"""The token that stands for a browser's Django session.

A browser opens its socket with the session cookie and holds no token. A row of `SessionToken` stands for the session
all the same, so that expiry, revocation and the log-out reach its sockets the way they reach every other.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from accounts.models import Scope, SessionToken, User
from accounts.services.tokens import build_token, revoke_token

LABEL = "browser"
# Django moves a session's end with every look at it; rows follow in steps, not with each connection.
STEP = timedelta(minutes=1)


class BrowserTokenError(Exception):
    """This browser session opens no socket any more: it was signed out or revoked, or is another user's."""


def browser_token(*, user: User, session_key: str, expiry: datetime, now: datetime) -> SessionToken:
    """Return the token of a browser session, made at first use; its scope is `trade`.

    `user` is who the session belongs to as just read from it, `expiry` is when Django ends it: the token follows.
    Safe to call at once from many connections of the same browser.

    Raises `BrowserTokenError` when the session was signed out or its token revoked (it never comes back), when the
    token is another user's, and when the user is not active or the session has ended.
    """
    if expiry <= now:
        raise BrowserTokenError("This browser session has ended; sign in again.")
    if not User.objects.filter(pk=user.pk, is_active=True).exists():
        raise BrowserTokenError("This user is not active.")
    token = _get_or_create(user=user, session_key=session_key, expiry=expiry)
    if token.user_id != user.pk:
        raise BrowserTokenError("This browser session belongs to another user.")
    if token.revoked_at is not None:
        raise BrowserTokenError("This browser session was signed out or revoked; sign in again.")
    if token.expiry is None or abs(token.expiry - expiry) >= STEP:
        token.expiry = expiry
        token.save(update_fields=["expiry"])
    return token


@transaction.atomic
def end_browser_session(*, user: User, session_key: str, now: datetime) -> SessionToken:
    """Revoke the token of a browser session that signs out.

    Where there was none a revoked one is left: a socket that was opened before the log-out and asks after it finds
    it, and gets no token for a session that is gone.
    """
    return revoke_token(token=_get_or_create(user=user, session_key=session_key, expiry=now), now=now)


def _get_or_create(*, user: User, session_key: str, expiry: datetime) -> SessionToken:
    digest = hashlib.sha256(session_key.encode()).hexdigest()
    token = _find(digest)
    if token is None:
        # Nobody ever learns the plain text, so no bearer can use this token.
        token, _ = build_token(user=user, scope=Scope.TRADE, label=LABEL, expiry=expiry, django_session=digest)
        try:
            with transaction.atomic():
                token.save(force_insert=True)
        except IntegrityError:
            # Another connection of the same browser was first.
            token = _find(digest)
            if token is None:
                raise
    return token


def _find(digest: str) -> SessionToken | None:
    return SessionToken.objects.select_related("user").filter(django_session=digest).first()
