from collections.abc import Sequence
from dataclasses import dataclass

from realtime.frames import Burst
from realtime.protocol.messages import Reply


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply's data, and the events that follow it at once."""

    data: Reply
    then: Sequence[Burst] = ()
