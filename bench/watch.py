"""Following a server's memory and files over time."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.servers.process import Server

EVERY_S = 0.25


class Watched:
    """Samples: seconds since the start, bytes resident, open files."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.rss: list[float] = []
        self.files: list[float] = []

    def later(self, share: float) -> "Watched":
        """Return the samples without the first share (0 to 1) of them, in which the server warms up."""
        rest = Watched()
        cut = int(len(self.at) * share)
        rest.at, rest.rss, rest.files = self.at[cut:], self.rss[cut:], self.files[cut:]
        return rest


@contextmanager
def watching(server: Server) -> Iterator[Watched]:
    """Sample a server until the block ends."""
    watched = Watched()
    over = threading.Event()
    start = time.monotonic()

    def sample() -> None:
        while not over.wait(EVERY_S):
            watched.rss.append(server.root.memory_info().rss)
            watched.files.append(server.root.num_fds())
            watched.at.append(time.monotonic() - start)

    thread = threading.Thread(target=sample, name="watching", daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        over.set()
        thread.join()


def slope(at: Sequence[float], values: Sequence[float]) -> float:
    """Return how much the values rise in a second, by least squares; 0 where there are fewer than two."""
    if len(at) < 2:
        return 0.0
    mean_at, mean = sum(at) / len(at), sum(values) / len(values)
    spread = sum((each - mean_at) ** 2 for each in at)
    return sum((x - mean_at) * (y - mean) for x, y in zip(at, values, strict=True)) / spread
