"""One open socket, as the hub and the handlers see it."""

import asyncio
import secrets
from typing import Any

from django.conf import settings
from django.utils import timezone

from realtime.hub import Hub, Key
from realtime.outbox import Outbox, Send
from realtime.protocol.channels import PRICES
from realtime.protocol.codec import encode
from realtime.protocol.errors import CLOSE_NO_CONNECT, CLOSE_SESSION_EXPIRED, CLOSE_TOO_SLOW
from realtime.protocol.messages import SessionExpiring
from realtime.session import Session, Subscription

WARN_BEFORE_S = 60.0


class Connection:
    """A session with its queue and its timers."""

    def __init__(self, scope: dict[str, Any], send: Send, hub: Hub) -> None:
        self.scope = scope
        self.hub = hub
        self.session = Session(id=secrets.token_urlsafe(12))
        self.keys: set[Key] = set()
        self.wants_prices = False
        self.outbox = Outbox(send, settings.HYPERORU_MAX_QUEUED_BYTES, self._overflowed)
        self.overflowed = asyncio.Event()
        self.gone = False
        self._pinned: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._timers = [self._loop.call_later(settings.HYPERORU_CONNECT_TIMEOUT_S, self.close, CLOSE_NO_CONNECT)]

    def close(self, code: int) -> None:
        """Send what is queued, then close."""
        self.outbox.close(code)

    def follow(self) -> None:
        """Attach the connection to the streams that its session now means. They must be watched."""
        if self.gone:  # a request outlived its socket
            return
        session = self.session
        self.wants_prices = any(each.channel == PRICES for each in session.subscriptions)
        self.hub.attach(self, {key for key in session.streams() if key[1] != PRICES})

    async def prepare(self, subscriptions: set[Subscription], account_id: int | None) -> None:
        """Watch the accounts that subscriptions would mean with this active account, until `release`."""
        accounts = {each.account_id or account_id for each in subscriptions if each.channel != PRICES}
        for wanted in accounts:
            if wanted is not None:
                self._pinned.append(wanted)
                self.hub.pin(wanted)
                await self.hub.watch(wanted)

    def release(self) -> None:
        """Let go of what `prepare` held: the request is over."""
        while self._pinned:
            self.hub.unpin(self._pinned.pop())

    def keep_time(self) -> None:
        """Set the timers of a session that was just opened: the warning and the end."""
        self.drop_timers()
        identity = self.session.identity
        if self.gone or identity is None or identity.expires_at is None:
            return
        left = (identity.expires_at - timezone.now()).total_seconds()
        self._timers = [
            self._loop.call_later(max(0.0, left - WARN_BEFORE_S), self._warn),
            self._loop.call_later(max(0.0, left), self.close, CLOSE_SESSION_EXPIRED),
        ]

    def leave(self) -> None:
        """Let go of the hub and the timers: the socket is closed."""
        self.gone = True
        self.hub.forget(self)
        self.drop_timers()

    def drop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _warn(self) -> None:
        identity = self.session.identity
        if identity is not None and identity.expires_at is not None:
            self.outbox.put(encode("session_expiring", SessionExpiring(identity.expires_at)))

    def _overflowed(self) -> None:
        self.outbox.close(CLOSE_TOO_SLOW)
        self.overflowed.set()
