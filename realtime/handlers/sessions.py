"""Opening a session, and changing whose accounts it is about."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie
from django.utils import timezone

from accounts.models import SessionToken, User
from accounts.selectors import authenticate_token, may_act_as, visible_accounts
from accounts.services import BrowserTokenError, browser_token, record_audit
from realtime import streams
from realtime.admission import place_of
from realtime.connection import Connection
from realtime.frames import Burst
from realtime.handlers.answer import Answer
from realtime.handlers.replay import replay
from realtime.handlers.seeing import Viewer, check_session, seen_account, seen_accounts
from realtime.limits import told_limits
from realtime.origins import cookies_trusted
from realtime.orm import in_orm
from realtime.protocol import messages
from realtime.protocol.errors import CLOSE_BAD_TOKEN, CLOSE_TOO_MANY_SOCKETS, ProtocolError
from realtime.protocol.messages import StreamHead
from realtime.session import Identity, Subscription
from trading.reading import read_snapshot

MAX_BAD_TOKENS = 5


@dataclass(frozen=True, slots=True)
class Opened:
    identity: Identity
    account_id: int | None


async def connect(connection: Connection, data: messages.Connect) -> Answer:
    """Open the session, prolong it with a fresh token, or start it over as another user."""
    session = connection.session
    try:
        opened = await in_orm(_open, data.session_token, connection.scope["headers"], timezone.now())
    except ProtocolError as error:
        if error.code == "unauthorized":
            session.bad_tokens += 1
            if session.bad_tokens >= MAX_BAD_TOKENS:
                _close_after_the_reply(connection, CLOSE_BAD_TOKEN)
        raise
    await connection.prepare(session.subscriptions, session.account_id or opened.account_id)
    if not place_of(connection.scope).connect():
        _close_after_the_reply(connection, CLOSE_TOO_MANY_SOCKETS)
        raise _too_many_sockets()
    session.start(opened.identity, opened.account_id)
    connection.follow()
    connection.keep_time()
    identity = opened.identity
    return Answer(
        messages.Connected(
            session_id=session.id,
            user=messages.UserData(session.user_id, session.username),
            account_id=session.account_id,
            scopes=list(identity.scopes),
            expires_at=identity.expires_at,
            server_time=timezone.now(),
            limits=limits(),
        )
    )


def _close_after_the_reply(connection: Connection, code: int) -> None:
    asyncio.get_running_loop().call_soon(connection.close, code)


def _too_many_sockets() -> ProtocolError:
    most = settings.HYPERORU_SOCKETS_PER_ADDRESS
    return ProtocolError(
        "rate_limited",
        f"Your address has {most} connected sockets already, the most allowed; close one, then open another.",
    )


def limits() -> dict[str, int | float]:
    """Return this server's limits, by the names that clients know."""
    return {
        "max_frame_bytes": settings.HYPERORU_MAX_FRAME_BYTES,
        "max_in_flight": settings.HYPERORU_MAX_IN_FLIGHT,
        "max_queued_bytes": settings.HYPERORU_MAX_QUEUED_BYTES,
        "max_resume_events": streams.RESUME_LIMIT,
        **told_limits(),
    }


def _open(raw: str | None, headers: list[tuple[bytes, bytes]], now: datetime) -> Opened:
    key = None if raw is not None else _browser_session(headers)
    token = authenticate_token(raw, now) if key is None else _of_browser(key, now)
    if token is None:
        raise ProtocolError(
            "unauthorized",
            "The session_token is wrong, expired or revoked; get a new one."
            if raw is not None
            else "A session_token is required (or a browser that is logged in).",
        )
    user = token.user
    identity = Identity(
        token=token.pk,
        user_id=user.pk,
        username=user.get_username(),
        scopes=tuple(token.scopes),
        expires_at=token.expiry and token.expiry.astimezone(UTC),
        browser_session=key,
    )
    return Opened(identity, _first_account(user.pk))


def _first_account(user_id: int) -> int | None:
    return visible_accounts(user_id).values_list("pk", flat=True).first()


def _browser_session(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return the key of the Django session that the handshake carries, if its page may use it."""
    if not cookies_trusted(headers):
        return None
    cookies = "; ".join(value.decode("latin-1") for name, value in headers if name == b"cookie")
    return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME) or None


def _of_browser(key: str, now: datetime) -> SessionToken | None:
    """Return the token that stands for a logged-in Django session, None where nobody is logged in there."""
    request = HttpRequest()
    request.session = SessionStore(key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active:
        return None
    try:
        return browser_token(user=user, session_key=key, expiry=request.session.get_expiry_date(), now=now)
    except BrowserTokenError as error:
        raise ProtocolError("unauthorized", str(error)) from None


async def switch_user(connection: Connection, data: messages.SwitchUser) -> Answer:
    """Act as another user from now on. What follows the active account moves with it; pinned subscriptions end."""
    session = connection.session
    switched = await in_orm(_switched, Viewer.of(session), data.user_id, timezone.now())
    following = {each for each in session.subscriptions if each.account_id is None}
    missed = await _moved(connection, following, switched.account_id, switched.as_of)
    session.become(switched.user.id, switched.user.username, switched.account_id)
    session.subscriptions = following
    connection.follow()
    return Answer(switched, then=missed)


def _switched(viewer: Viewer, user_id: int, now: datetime) -> messages.UserSwitched:
    own = Viewer(viewer.token, viewer.token_user_id, viewer.token_user_id)
    token = check_session(own, now)
    if user_id != token.user_id and not may_act_as(token.user):
        raise ProtocolError("forbidden", "You may not act as another user.")
    target = User.objects.filter(pk=user_id).first()
    if target is None:
        raise ProtocolError("not_found", f"There is no user {user_id}.")
    if user_id != viewer.user_id:
        detail = {"from_user_id": viewer.user_id}
        record_audit(actor=token.user, action="switch_user", target=f"user {user_id}", detail=detail, now=now)
    with read_snapshot():
        accounts = seen_accounts(Viewer(viewer.token, viewer.token_user_id, user_id))
        return messages.UserSwitched(
            user=messages.UserData(target.pk, target.get_username()),
            account_id=accounts[0].id if accounts else None,
            accounts=accounts,
            as_of=streams.as_of(accounts[0].id) if accounts else {},
        )


async def switch_account(connection: Connection, data: messages.SwitchAccount) -> Answer:
    """Make another account the active one, and move all subscriptions that follow it, in one step."""
    session = connection.session
    as_of = await in_orm(_account_as_of, Viewer.of(session), data.account_id, timezone.now())
    missed = await _moved(connection, session.subscriptions, data.account_id, as_of)
    session.account_id = data.account_id
    connection.follow()
    return Answer(messages.AccountSwitched(account_id=data.account_id, as_of=as_of), then=missed)


def _account_as_of(viewer: Viewer, account_id: int, now: datetime) -> dict[str, StreamHead]:
    with read_snapshot():
        check_session(viewer, now)
        seen_account(viewer, account_id)
        return streams.as_of(account_id)


async def _moved(
    connection: Connection, subscriptions: set[Subscription], account_id: int | None, as_of: dict[str, StreamHead]
) -> list[Burst]:
    """Return the events since `as_of` of the streams that a move to an account adds. Follow before the next `await`."""
    await connection.prepare(subscriptions, account_id)
    if account_id is None:
        return []
    new = {(account_id, each.channel) for each in subscriptions if each.account_id is None} - connection.keys
    missed = await replay(connection.hub, {key: as_of[key[1]] for key in new if key[1] in as_of})
    if None in missed.values():
        raise ProtocolError("unavailable", "The account's events can't be had without a hole now; try again.")
    return [burst for found in missed.values() for burst in found or ()]
