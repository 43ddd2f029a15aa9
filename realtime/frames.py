"""Frames on their way to sockets, as the bytes that a WebSocket carries, made once for all who get them."""

from collections.abc import Sequence

TEXT_FRAME = 0x81  # FIN and opcode 1; a server does not mask: RFC 6455, section 5.2


class Frame:
    """A text frame. `wire` is the whole of it, uncompressed, header and payload."""

    __slots__ = ("_header", "wire")

    def __init__(self, text: str) -> None:
        payload = text.encode()
        header = _header(len(payload))
        self._header = len(header)
        self.wire = header + payload

    def __len__(self) -> int:
        """Return the payload's bytes."""
        return len(self.wire) - self._header

    @property
    def payload(self) -> bytes:
        return self.wire[self._header :]

    @property
    def text(self) -> str:
        return self.payload.decode()


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
