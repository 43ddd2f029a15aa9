"""How many sockets one address may hold open, before and after they have connected. Counted in each process."""

from collections import Counter
from typing import Any

from django.conf import settings

from realtime.addresses import client_address
from realtime.protocol.errors import CLOSE_TOO_MANY_SOCKETS

PLACE = "hyperoru.place"
"""Where the scope of an admitted socket keeps its `Place`."""


class Admission:
    """The open sockets of each address. Belongs to the event loop that serves them."""

    def __init__(self) -> None:
        self.unauthenticated: Counter[str] = Counter()
        self.connected: Counter[str] = Counter()

    def enter(self, address: str | None) -> "Place | None":
        """Count a socket that was opened and return its place, or None where its address has too many.

        Sockets without an address are not counted.
        """
        most = settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS
        if address is not None:
            if 0 < most <= self.unauthenticated[address]:
                return None
            self.unauthenticated[address] += 1
        return Place(self, address)


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


admission = Admission()


class Admitted:
    """ASGI middleware that lets a socket in where its address has room for it, and keeps its place while it is open."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        place = admission.enter(client_address(scope))
        if place is None:
            await receive()  # websocket.connect
            # Accepted first: a browser is not told why a handshake was refused, but sees a close code.
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": CLOSE_TOO_MANY_SOCKETS})
            return
        scope[PLACE] = place
        try:
            await self._app(scope, receive, send)
        finally:
            place.leave()


def place_of(scope: dict[str, Any]) -> Place:
    """Return the place of a socket; one that is not counted where it came in by another door."""
    place: Place | None = scope.get(PLACE)
    return Place(admission, None) if place is None else place
