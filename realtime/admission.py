"""How many sockets one address may hold open, before and after they have connected. Counted in each process."""

import asyncio
from collections import Counter, deque
from typing import Any

from django.conf import settings

PLACE = "hyperoru.place"
"""Where the scope of an admitted socket keeps its `Place`."""
MOST_WAITING_PER_ADDRESS = 200
MOST_WAITING = 2_000


class Admission:
    """The open sockets of each address. Belongs to the event loop that serves them."""

    def __init__(self) -> None:
        self.unauthenticated: Counter[str] = Counter()
        self.connected: Counter[str] = Counter()
        self._lines: dict[str, deque[Waiter]] = {}
        """Those who wait for a place at each address, in the order in which they came."""
        self._waiting = 0

    def enter(self, address: str | None) -> "Place | None":
        """Count a socket that was opened and return its place, or None where its address has none left.

        Sockets without an address are not counted.
        """
        if address is not None:
            if address in self._lines or not self._has_room(address):
                return None
            self.unauthenticated[address] += 1
        return Place(self, address)

    def line_up(self, address: str) -> "Waiter | None":
        """Return the place that one of the address's sockets will leave free, or None where too many wait for one.

        Who has lined up must `step_out`, with a place or without.
        """
        line = self._lines.get(address, ())
        if len(line) >= MOST_WAITING_PER_ADDRESS or self._waiting >= MOST_WAITING:
            return None
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._lines.setdefault(address, deque()).append(waiter)
        self._waiting += 1
        self._hand_on(address)
        return waiter

    def step_out(self, address: str, waiter: "Waiter") -> None:
        """Wait no more."""
        self._waiting -= 1
        line = self._lines[address]
        line.remove(waiter)
        if not line:
            del self._lines[address]

    def let_all_go(self) -> None:
        """Let all who wait go on, uncounted: the process is about to end, and they will be told so."""
        for line in self._lines.values():
            for waiter in line:
                if not waiter.done():
                    waiter.set_result(Place(self, None))

    def _has_room(self, address: str) -> bool:
        most = settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS
        return most <= 0 or self.unauthenticated[address] < most

    def _hand_on(self, address: str) -> None:
        """Give the places that are free to those who have waited longest."""
        for waiter in self._lines.get(address, ()):
            if not self._has_room(address):
                return
            if not waiter.done():
                self.unauthenticated[address] += 1
                waiter.set_result(Place(self, address))


class Place:
    """What one open socket counts as."""

    __slots__ = ("_address", "_admission", "_counter")

    def __init__(self, admission: Admission, address: str | None) -> None:
        self._admission = admission
        self._address = address
        self._counter = admission.unauthenticated

    def connect(self) -> bool:
        """Count the socket as one that has connected; return False where its address has too many of those.

        Does nothing for one that has connected before.
        """
        connected = self._admission.connected
        most = settings.HYPERORU_SOCKETS_PER_ADDRESS
        if self._address is None or self._counter is connected:
            return True
        if 0 < most <= connected[self._address]:
            return False
        self._forget()
        connected[self._address] += 1
        self._counter = connected
        return True

    def leave(self) -> None:
        """Count the socket no more: it is closed."""
        if self._address is not None:
            self._forget()
            self._address = None

    def _forget(self) -> None:
        assert self._address is not None
        self._counter[self._address] -= 1
        if not self._counter[self._address]:
            del self._counter[self._address]
        if self._counter is self._admission.unauthenticated:
            self._admission._hand_on(self._address)


Waiter = asyncio.Future[Place]
admission = Admission()


def place_of(scope: dict[str, Any]) -> Place:
    """Return the place of a socket; one that is not counted where it came in by another door."""
    place: Place | None = scope.get(PLACE)
    return Place(admission, None) if place is None else place
