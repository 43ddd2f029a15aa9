"""Closed loops of requests: each caller keeps so many unanswered, and notes how long each answer took."""

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.load.sockets import Client, Refused, Sockets

ERROR = b'"error"'


class Caller:
    """A socket that sends a request for each answer. With `check` every answer is looked at for an error."""

    def __init__(self, client: Client, make: Callable[[], bytes], window: int = 1, *, check: bool = True) -> None:
        self.latencies: list[float] = []
        self._client = client
        self._make = make
        self._window = window
        self._sent: deque[float] = deque()
        self._check = check
        self.going = False

    @property
    def waiting(self) -> int:
        return len(self._sent)

    @property
    def lost(self) -> bool:
        return self._client.closed

    def start(self) -> None:
        self.going = True
        self.latencies = []
        self._client.keep = self._check
        self._client.react = self._answered
        self._send(self._window)

    def _send(self, count: int) -> None:
        now = time.perf_counter()
        for _ in range(count):
            self._sent.append(now)
        self._client.send(b"".join([self._make() for _ in range(count)]))

    def _answered(self, client: Client, frames: int) -> None:
        now = time.perf_counter()
        if self._check:
            for payload in client.inbox:
                if ERROR in payload[:60]:
                    raise Refused(payload.decode())
            client.inbox.clear()
        for _ in range(frames):
            self.latencies.append(now - self._sent.popleft())
        if self.going:
            self._send(frames)


@dataclass
class Called:
    """What callers measured: answers a second, and the seconds that each answer took."""

    rate: float
    latencies: list[float] = field(repr=False)


def call_for(sockets: Sockets, callers: Sequence[Caller], seconds: float) -> Called:
    """Let callers run for a while; what is answered after the end does not count."""
    with quiet_collector():
        for caller in callers:
            caller.start()
        start = time.perf_counter()
        while time.perf_counter() < start + seconds:
            sockets.pump(0.05)
        took = time.perf_counter() - start
        latencies = [each for caller in callers for each in caller.latencies]
        for caller in callers:
            caller.going = False
        while any(caller.waiting for caller in callers):
            if any(caller.lost for caller in callers):
                raise Refused("the server closed a socket that waited for an answer")
            sockets.pump(1.0)
    return Called(len(latencies) / took, latencies)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the generator's garbage collector out of the figures."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so great a share (0 to 1) of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
