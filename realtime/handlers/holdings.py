"""What accounts hold, kept in memory for as long as it provably is what the database holds.

A **stamp** is read with one statement: where each stream of the account stands, and the account's own figures. Orders
and positions change only in transactions that advance their streams, so an equal stamp proves what is kept to be fresh.
"""

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import msgspec
from django.db import connection

from accounts.models import Account, AccountAccess, SessionToken, User
from realtime import wire
from realtime.handlers.seeing import Viewer, check_session, seen_account
from realtime.models import Stream
from realtime.protocol import messages
from realtime.protocol.channels import DURABLE
from realtime.protocol.messages import StreamHead
from trading import selectors
from trading.reading import read_snapshot

Stamp = tuple[tuple[Any, ...], ...]
KEPT_BYTES = 32 * 1024 * 1024
ACCOUNT_BYTES = 4_000
"""About what an account costs beside its orders: its row, a few positions, the stamp."""

_SQL = f"""
    SELECT stream.channel, stream.epoch, stream.seq, account.cash, account.day, account.day_open_equity,
           account.day_net_deposits, account.last_equity
    FROM {Stream._meta.db_table} stream JOIN {Account._meta.db_table} account ON account.id = stream.account_id
    WHERE account.id = %s AND NOT account.is_house
      AND (account.owner_id = %s OR EXISTS (
            SELECT 1 FROM {AccountAccess._meta.db_table} access
            WHERE access.account_id = account.id AND access.user_id = %s))
      AND EXISTS (
            SELECT 1 FROM {SessionToken._meta.db_table} token
            JOIN {User._meta.db_table} owner ON owner.id = token.user_id
            WHERE token.id = %s AND token.user_id = %s AND owner.is_active AND token.revoked_at IS NULL
              AND (token.expiry IS NULL OR token.expiry > %s))
    ORDER BY stream.channel
"""  # noqa: S608  (the names are the models' own)


@dataclass(frozen=True, slots=True)
class Kept:
    """An account with what it holds, as of a stamp. `orders` are the `active_orders` of a reply, encoded once."""

    stamp: Stamp
    account: Account
    held: selectors.Holdings
    orders: list[messages.OrderData]
    size: int
    """About how many bytes it takes."""

    @property
    def as_of(self) -> dict[str, StreamHead]:
        return {channel: StreamHead(epoch, seq) for channel, epoch, seq, *_ in self.stamp}


class HoldingsCache:
    """Safe to use from any thread: entries are replaced whole."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}
        """Those that were used last stand last."""
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, viewer: Viewer, account_id: int, now: datetime) -> Kept:
        """Return what an account holds, as one moment of the database has it: one statement, if nothing changed.

        Raises as `check_session` and `seen_account` do. In a transaction it belongs to that one's snapshot.
        """
        kept = self._kept.get(account_id)
        if kept is not None:
            if viewer.user_id != viewer.token_user_id:  # who acts as another may do so no longer, the stamp can't tell
                check_session(viewer, now)
            if read_stamp(viewer, account_id, now) == kept.stamp:
                self._keep(account_id, kept)
                return kept
        with read_snapshot():
            check_session(viewer, now)
            account = seen_account(viewer, account_id)
            kept = _read(read_stamp(viewer, account_id, now), account)
        if len(kept.stamp) == len(DURABLE):
            self._keep(account_id, kept)
        return kept

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _keep(self, account_id: int, kept: Kept) -> None:
        with self._lock:
            before = self._kept.pop(account_id, None)
            self._kept[account_id] = kept
            self._bytes += kept.size - (0 if before is None else before.size)
            while self._bytes > KEPT_BYTES:
                self._bytes -= self._kept.pop(next(iter(self._kept))).size


def _read(stamp: Stamp, account: Account) -> Kept:
    held = selectors.holdings(account.pk)
    orders = wire.encoded_orders(held.orders)
    size = ACCOUNT_BYTES + len(bytes(cast(msgspec.Raw, orders)))
    return Kept(stamp, account, replace(held, orders=()), orders, size)


def may_see(viewer: Viewer, account_id: int, now: datetime) -> bool:
    """Tell with one statement whether the viewer's session is valid and may see an account.

    False too where that takes more to know: acting as another, or an account that has no streams yet.
    """
    return viewer.user_id == viewer.token_user_id and bool(read_stamp(viewer, account_id, now))


def read_stamp(viewer: Viewer, account_id: int, now: datetime) -> Stamp:
    """Return the stamp of an account, empty where the viewer's own session may not see it."""
    at = connection.ops.adapt_datetimefield_value(now)
    user, token, owner = viewer.user_id, viewer.token, viewer.token_user_id
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [account_id, user, user, token, owner, at])
        return tuple(cursor.fetchall())


holdings_cache = HoldingsCache()
