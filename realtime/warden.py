"""Ending what is no longer allowed while a socket is open: once a second, in every process, layer or not."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import Account, AccountAccess, SessionToken, User
from accounts.selectors import may_act_as
from realtime.hub import Hub, Subscriber
from realtime.orm import in_background
from realtime.protocol.errors import CLOSE_REVOKED, CLOSE_SESSION_EXPIRED, ProtocolError
from realtime.turns import Turns

logger = logging.getLogger(__name__)
COMMIT_TIME = timedelta(seconds=5)
"""How long a revocation may take from its time stamp until others see it."""
ROUND_S = 4.0
LOOKED_AT_LEAST = 2_000
"""How many connections and streams of theirs a check looks at; where there are no more, at all of them every time."""

Seen = tuple[int, int]
"""(user, account)"""


class Warden:
    """Cuts the sockets of revoked tokens, and closes those that follow accounts which their user may no longer see.

    Requests are checked by themselves, in their own transaction; this is for the events that flow without one. Tokens
    are asked for all at once, at every check; what connections follow in turns, all of it every few seconds.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._revoked_since = timezone.now()
        self._turns = Turns[Subscriber](ROUND_S, LOOKED_AT_LEAST, lambda connection: 1 + len(connection.keys))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(settings.HYPERORU_REFRESH_S)
            try:
                await self._look()
            except ProtocolError as error:
                logger.warning("Sessions can't be checked: %s", error.message)
            except Exception:
                logger.exception("A check of the sessions failed")

    async def _look(self) -> None:
        if not self._hub.connections:
            return
        now = timezone.now()
        self._hub.cut(await in_background(_revoked_after, self._revoked_since))
        self._revoked_since = now  # only once it was read: what the database could not tell is asked for again
        turn = self._turns.take(self._hub.connections, settings.HYPERORU_REFRESH_S)
        follows = {c: {(c.session.user_id, account) for account, _ in c.keys} for c in turn}
        acting = {c: c.session.identity.user_id for c in follows if c.session.identity and c.session.acts_as_another}
        seen: set[Seen] = set().union(*follows.values())
        withdrawn = await in_background(_withdrawn, seen)
        barred = await in_background(_barred, set(acting.values()))
        ended = await in_background(_ended, {key for c in follows if (key := c.session.browser_session)})
        for connection in follows:
            session = connection.session  # as it is by now: it may have moved on while the database was asked
            pairs = {(session.user_id, account) for account, _ in connection.keys}
            if session.browser_session in ended:
                connection.close(CLOSE_REVOKED)
            elif pairs & withdrawn or (session.acts_as_another and acting.get(connection) in barred):
                connection.close(CLOSE_SESSION_EXPIRED)


def _revoked_after(moment: datetime) -> list[int]:
    return list(SessionToken.objects.filter(revoked_at__gte=moment - COMMIT_TIME).values_list("pk", flat=True))


def _withdrawn(pairs: Iterable[Seen]) -> set[Seen]:
    """Return the pairs whose user neither owns the account nor has any access to it: two queries."""
    asked = set(pairs)
    if not asked:
        return set()
    users, accounts = {user for user, _ in asked}, {account for _, account in asked}
    owned = Account.objects.filter(pk__in=accounts, owner__in=users).values_list("owner_id", "pk")
    shared = AccountAccess.objects.filter(account__in=accounts, user__in=users).values_list("user_id", "account_id")
    return asked - set(owned) - set(shared)


def _ended(session_keys: set[str]) -> set[str]:
    """Return the browser sessions that are gone: logged out, or another user logged in over them."""
    if not session_keys:
        return set()
    return session_keys - set(Session.objects.filter(pk__in=session_keys).values_list("pk", flat=True))


def _barred(user_ids: set[int]) -> set[int]:
    """Return the users who may no longer act as another."""
    return {user.pk for user in User.objects.filter(pk__in=user_ids) if not may_act_as(user)} if user_ids else set()
