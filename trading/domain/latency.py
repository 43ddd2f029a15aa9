"""How long an order is on its way to the exchange: drawn, and the same draw each time."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Latency:
    """From `least_ms` to `most_ms` milliseconds, evenly spread; 0 and 0: orders arrive at once."""

    least_ms: int = 0
    most_ms: int = 0
    seed: int = 0

    def delay(self, account_id: int, name: str) -> timedelta:
        """Draw the delay of an account's order by its name. It depends on nothing else but the seed."""
        digest = hashlib.sha256(f"{self.seed}:{account_id}:{name}".encode()).digest()
        span = (self.most_ms - self.least_ms) * 1_000 + 1
        drawn = int.from_bytes(digest[:8], "big") * span >> 64
        return timedelta(milliseconds=self.least_ms, microseconds=drawn)


NONE = Latency()
