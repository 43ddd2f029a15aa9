"""Frames on their way to sockets: a text, and the bytes that a WebSocket carries for it, made once for all."""

from collections.abc import Sequence

TEXT_FRAME = 0x81  # FIN and opcode 1; a server does not mask: RFC 6455, section 5.2


class Frame:
    """A text frame. Whoever is sent the same frame shares it."""

    __slots__ = ("_wire", "payload")

    def __init__(self, text: str) -> None:
        self.payload = text.encode()
        self._wire: bytes | None = None

    def __len__(self) -> int:
        """Return the payload's bytes."""
        return len(self.payload)

    @property
    def text(self) -> str:
        return self.payload.decode()

    @property
    def wire(self) -> bytes:
        """The whole uncompressed frame, header and payload, as it goes over the line."""
        wire = self._wire
        if wire is None:
            wire = self._wire = _header(len(self.payload)) + self.payload
        return wire


class Burst:
    """Frames that go to the same connections at once: one write for all of them."""

    __slots__ = ("_wire", "frames")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        wire = self._wire
        if wire is None:
            frames = self.frames
            wire = self._wire = frames[0].wire if len(frames) == 1 else b"".join([frame.wire for frame in frames])
        return wire


def _header(length: int) -> bytes:
    if length < 126:
        return bytes((TEXT_FRAME, length))
    if length < 65_536:
        return bytes((TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((TEXT_FRAME, 127)) + length.to_bytes(8, "big")
