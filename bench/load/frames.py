"""Frames and the handshake, as bytes."""

import json
from typing import Any

TEXT = 0x81
CLOSE = 0x88
PING = 0x89

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def text_frame(text: str) -> bytes:
    """Return a client's text frame. Its mask is zero, which the protocol allows, so the text stands as it is."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        head = bytes((TEXT, 0x80 | size))
    elif size < 65_536:
        head = bytes((TEXT, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((TEXT, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + b"\x00\x00\x00\x00" + payload


def request(kind: str, request_id: str | int, **data: Any) -> bytes:
    """Return the frame of a request."""
    message: dict[str, Any] = {"type": kind, "request_id": request_id}
    if data:
        message["data"] = data
    return text_frame(json.dumps(message, separators=(",", ":")))


def pong(payload: bytes) -> bytes:
    """Return the answer to a protocol ping."""
    return bytes((0x8A, 0x80 | len(payload))) + b"\x00\x00\x00\x00" + payload
