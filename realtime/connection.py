"""One open socket, as the hub and the handlers see it."""

import asyncio
import secrets
from typing import Any

from django.conf import settings
from django.utils import timezone

from realtime.hub import Hub, Key
from realtime.outbox import Outbox
from realtime.protocol.channels import PRICES
from realtime.protocol.codec import encode
from realtime.protocol.errors import CLOSE_NO_CONNECT, CLOSE_SESSION_EXPIRED, CLOSE_TOO_SLOW
from realtime.protocol.messages import SessionExpiring
from realtime.session import Session, Subscription
from realtime.transports import Transport

WARN_BEFORE_S = 60.0


class Connection:
    """A session with its queue and its timer."""

    def __init__(self, scope: dict[str, Any], transport: Transport, hub: Hub) -> None:
        self.scope = scope
        self.hub = hub
        self.session = Session(id=secrets.token_urlsafe(12))
        self.keys: set[Key] = set()
        self.wants_prices = False
        self.outbox = Outbox(
            transport, settings.HYPERORU_MAX_QUEUED_BYTES, settings.HYPERORU_MAX_QUEUED_S, self._overflowed
        )
        self.gone = False
        self.in_flight: set[asyncio.Task[None]] = set()
        self._transport = transport
        self._pinned: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(
            settings.HYPERORU_CONNECT_TIMEOUT_S, self.close, CLOSE_NO_CONNECT
        )

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
        """Set the timer of a session that was just opened: first for the warning, then for the end."""
        self.drop_timer()
        left = self._time_left()
        if left is not None and not self.gone:
            self._timer = self._loop.call_later(max(0.0, left - WARN_BEFORE_S), self._warn)

    def leave(self) -> None:
        """Let go of the hub and the timers: the socket is closed."""
        self.gone = True
        self.hub.forget(self)
        self.outbox.drop()
        self.drop_timer()

    def drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _warn(self) -> None:
        identity, left = self.session.identity, self._time_left()
        if identity is None or identity.expires_at is None or left is None:
            return
        self.outbox.put(encode("session_expiring", SessionExpiring(identity.expires_at)))
        self._timer = self._loop.call_later(max(0.0, left), self.close, CLOSE_SESSION_EXPIRED)

    def _time_left(self) -> float | None:
        """Return the seconds until the session ends, or None where it doesn't."""
        identity = self.session.identity
        if identity is None or identity.expires_at is None:
            return None
        return (identity.expires_at - timezone.now()).total_seconds()

    def _overflowed(self) -> None:
        self._transport.cut(CLOSE_TOO_SLOW)
