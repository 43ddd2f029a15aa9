"""How fast one connection may send."""

from django.conf import settings

from realtime.protocol.errors import CLOSE_MALFORMED, CLOSE_TOO_MANY_REQUESTS, ProtocolError
from trading.buckets import Bucket, limit_of, milliseconds

REGARDLESS = 10
"""Refusals that a client may collect at once, in bursts of messages: so many may be on their way before the first
refusal reaches it. Who gets more, and goes on faster than they are forgiven, does not listen."""
MALFORMED_PER_S = 1.0


class FrameLimits:
    """The buckets of one connection. Times are nanoseconds of one clock that goes forward."""

    __slots__ = ("_malformed", "_messages", "_refusals")

    def __init__(self) -> None:
        per_s, burst = settings.HYPERORU_MESSAGES_PER_S, settings.HYPERORU_MESSAGES_BURST
        self._messages = Bucket(limit_of(per_s, burst))
        self._refusals = Bucket(limit_of(per_s, burst * REGARDLESS))
        self._malformed = Bucket(limit_of(MALFORMED_PER_S, settings.HYPERORU_MALFORMED_BURST))

    def take(self, now: int) -> int:
        """Count a frame; return 0, or for how many nanoseconds the client should have waited."""
        return self._messages.take(now)

    def judge(self, now: int, *, refused: bool, malformed: bool) -> int | None:
        """Count what is wrong with a frame; return the close code where that has been too much."""
        if malformed and self._malformed.take(now):
            return CLOSE_MALFORMED
        if refused and self._refusals.take(now):
            return CLOSE_TOO_MANY_REQUESTS
        return None


def too_many_messages(wait: int) -> ProtocolError:
    """Return the answer to a frame that came too early by `wait` nanoseconds."""
    return ProtocolError(
        "rate_limited",
        f"Too many messages: at most {settings.HYPERORU_MESSAGES_BURST} at once and "
        f"{settings.HYPERORU_MESSAGES_PER_S:g} a second. Nothing was done; try again in {milliseconds(wait)} ms.",
        retry_after_ms=milliseconds(wait),
    )


def told_limits() -> dict[str, int | float]:
    """Return what `connect` tells of the limits of rates and sockets; 0 is none."""
    return {
        "messages_per_s": settings.HYPERORU_MESSAGES_PER_S,
        "messages_burst": settings.HYPERORU_MESSAGES_BURST,
        "malformed_burst": settings.HYPERORU_MALFORMED_BURST,
        "orders_per_s": settings.HYPERORU_ORDERS_PER_S,
        "orders_burst": settings.HYPERORU_ORDERS_BURST,
        "cancels_per_s": settings.HYPERORU_CANCELS_PER_S,
        "cancels_burst": settings.HYPERORU_CANCELS_BURST,
        "unauthenticated_per_address": settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS,
        "sockets_per_address": settings.HYPERORU_SOCKETS_PER_ADDRESS,
    }
