"""Closed loops of publishing: so many events are on their way to all subscribers."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.load.calls import quiet_collector
from bench.load.sockets import Client, Refused, Sockets

ERROR = b'"error"'
GIVE_UP_S = 2.0
LEAST_EVENTS = 2
LONGEST = 5


class Publisher:
    """A socket that publishes an event with each frame that it makes. `times` are those at which it did."""

    def __init__(self, client: Client, make: Callable[[], bytes]) -> None:
        self._client = client
        self._make = make
        self.times: list[float] = []
        client.keep = True
        client.react = _check

    def publish(self, count: int = 1) -> None:
        self.times += [time.perf_counter()] * count
        self._client.send(b"".join([self._make() for _ in range(count)]))


@dataclass(frozen=True)
class Broadcast:
    """What was measured: deliveries that arrived, those that never did, seconds, bytes of an event.

    `all_deliveries` are those before and after the measured time too.
    """

    deliveries: int
    all_deliveries: int
    lost: int
    seconds: float
    event_bytes: float

    @property
    def rate(self) -> float:
        return self.deliveries / self.seconds


def broadcast_for(sockets: Sockets, publisher: Publisher, members: int, window: int, seconds: float) -> Broadcast:
    """Keep a window of events on their way for a while and count what arrives.

    The clock runs from when the first event has arrived everywhere, so the window is full. Where nothing arrives for
    two seconds what is missing counts as lost, and the loop goes on.
    """
    with quiet_collector():
        loop = _Loop(sockets, publisher, members, window)
        while loop.done < members:
            loop.turn()
        start, first, first_lost, first_bytes = time.perf_counter(), sockets.received, loop.lost, sockets.received_bytes
        enough = loop.done + LEAST_EVENTS * members
        while True:
            took = time.perf_counter() - start
            if took >= seconds and (loop.done >= enough or took >= LONGEST * seconds):
                break
            loop.turn()
        arrived, size = sockets.received - first, sockets.received_bytes - first_bytes
        lost = loop.lost - first_lost
        loop.drain()
    return Broadcast(arrived, loop.done - loop.lost, lost, took, size / max(arrived, 1))


def broadcast_once(sockets: Sockets, publisher: Publisher, members: int) -> float | None:
    """Publish one event and return the seconds until the last member has it; None where it was lost on the way."""
    before = sockets.received
    start = progress = time.perf_counter()
    publisher.publish()
    seen = before
    while sockets.received - before < members:
        sockets.pump(0.05)
        now = time.perf_counter()
        if sockets.received > seen:
            seen, progress = sockets.received, now
        elif now > progress + GIVE_UP_S:
            return None
    return time.perf_counter() - start


class _Loop:
    """Publishing that keeps a window full."""

    def __init__(self, sockets: Sockets, publisher: Publisher, members: int, window: int) -> None:
        self._sockets = sockets
        self._publisher = publisher
        self._members = members
        self._window = window
        self._base = sockets.received
        self._published = 0
        self._progress = time.perf_counter()
        self._seen = 0
        self.lost = 0

    @property
    def done(self) -> int:
        return self._sockets.received - self._base + self.lost

    def turn(self) -> None:
        room = self._window - self._published + self.done // self._members
        if room > 0:
            self._publisher.publish(room)
            self._published += room
        self._take()

    def drain(self) -> None:
        while self.done < self._published * self._members:
            self._take()

    def _take(self) -> None:
        self._sockets.pump(0.05)
        now = time.perf_counter()
        # What was given up may still come.
        self.lost = min(self.lost, self._published * self._members - (self._sockets.received - self._base))
        if self.done > self._seen:
            self._seen, self._progress = self.done, now
        elif now > self._progress + GIVE_UP_S:
            self.lost += self._published * self._members - self.done
            self._progress = now


def _check(client: Client, frames: int) -> None:
    for payload in client.inbox:
        if ERROR in payload[:60]:
            raise Refused(payload.decode())
    client.inbox.clear()
