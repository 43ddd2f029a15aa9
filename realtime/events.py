"""Events on their way into the log and out of it."""

from dataclasses import dataclass

from realtime.protocol.messages import Reply


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that has no number yet."""

    account_id: int
    channel: str
    data: Reply


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event as it stands in the log: `frame` is the text that clients get."""

    account_id: int
    channel: str
    epoch: str
    seq: int
    frame: str
