"""Telling the channel layer, after the commit. It only hurries: what it loses, the log still holds."""

import threading
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

from django.conf import settings

from realtime.events import Numbered
from realtime.outpost import outpost

CONTROL_GROUP = "control"
_lock = threading.Lock()
_hubs: "list[Announcer]" = []


class Announcer(Protocol):
    """What lives in an event loop and can send to the layer from there (the hub)."""

    def announce(self, group: str, message: dict[str, Any]) -> None: ...


def account_group(account_id: int) -> str:
    return f"account.{account_id}"


def register(hub: Announcer) -> None:
    """Let announcements of this process go through the hub's event loop."""
    with _lock:
        _hubs.append(hub)


def unregister(hub: Announcer) -> None:
    with _lock:
        if hub in _hubs:
            _hubs.remove(hub)


def announce(events: Sequence[Numbered]) -> None:
    """Send events to their accounts' groups: one message for each account."""
    for account_id, run in groupby(sorted(events, key=lambda event: event.account_id), lambda event: event.account_id):
        rows = [[event.channel, event.epoch, event.seq, event.frame] for event in run]
        send(account_group(account_id), {"type": "account.events", "account_id": account_id, "events": rows})


def announce_control(message: dict[str, Any]) -> None:
    """Tell every process something about sessions, as a revoked token."""
    send(CONTROL_GROUP, {"type": "session.control", **message})


def send(group: str, message: dict[str, Any]) -> None:
    """Hand a message to the layer from any thread, without waiting for it.

    In a process that serves sockets it goes through the hub's own loop: the in-memory layer works only there. Elsewhere
    (an engine, a command, a shell) it goes through the outpost if the layer is in Redis; over the in-memory layer
    nobody would hear it, and the log is looked at anyway.
    """
    with _lock:
        hub = _hubs[-1] if _hubs else None
    if hub is not None:
        hub.announce(group, message)
    elif settings.REDIS_URL:
        outpost.announce(group, message)
