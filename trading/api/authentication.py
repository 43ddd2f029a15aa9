"""Signing in to the API with a session token."""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import SessionToken, User
from accounts.selectors import authenticate_token

KEYWORDS = (b"token", b"bearer")


class SessionTokenAuthentication(BaseAuthentication):
    """``Authorization: Token <session token>`` (or ``Bearer``)."""

    def authenticate(self, request: Request) -> tuple[User, SessionToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() not in KEYWORDS:
            return None
        raw = parts[1].decode("latin-1") if len(parts) == 2 else ""
        token = authenticate_token(raw, timezone.now())
        if token is None:
            raise AuthenticationFailed("The token is wrong, expired or revoked; get a new one.")
        return token.user, token

    def authenticate_header(self, request: Request) -> Any:
        return "Token"
