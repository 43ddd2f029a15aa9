"""The load generator's sockets count frames however the bytes are cut."""

import socket
from collections.abc import Iterator

import pytest

from bench.load.frames import pong, request, text_frame
from bench.load.sockets import Client, Sockets


def server_frame(payload: bytes, kind: int = 0x81) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 65_536:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets()
    yield made
    made.shut()


@pytest.fixture
def peer(sockets: Sockets) -> Iterator[tuple[socket.socket, Client]]:
    here, there = socket.socketpair()
    client = Client(here)
    sockets.add(client)
    client.react = None
    yield there, client
    there.close()


PAYLOADS = [b"short", b"m" * 126, b"l" * 70_000, b"", b"m" * 65_535]


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 4_096])
@pytest.mark.parametrize("keep", [True, False])
def test_frames_are_counted_however_they_are_cut(
    sockets: Sockets, peer: tuple[socket.socket, Client], cut: int, keep: bool
) -> None:
    there, client = peer
    client.keep = keep
    wanted = PAYLOADS if cut > 1_000 else [b"short", b"m" * 126, b"", b"short"]
    whole = b"".join(map(server_frame, wanted))
    for start in range(0, len(whole), cut):
        there.sendall(whole[start : start + cut])
        sockets.pump(1.0)
    assert client.frames == sockets.received == len(wanted)
    assert sockets.received_bytes == len(whole)
    assert client.inbox == (wanted if keep else [])


def test_a_ping_is_answered_and_not_counted(sockets: Sockets, peer: tuple[socket.socket, Client]) -> None:
    there, client = peer
    there.sendall(server_frame(b"a") + server_frame(b"1234", 0x89) + server_frame(b"b"))
    sockets.pump(1.0)
    assert client.frames == 2
    assert there.recv(100) == pong(b"1234") == b"\x8a\x84\x00\x00\x00\x001234"


def test_a_socket_that_the_server_closes_is_forgotten(sockets: Sockets, peer: tuple[socket.socket, Client]) -> None:
    there, client = peer
    there.close()
    sockets.pump(1.0)
    assert client.closed
    assert len(sockets) == 0


def test_a_request_is_a_masked_text_frame() -> None:
    assert request("ping", 1) == b"\x81\x9e\x00\x00\x00\x00" + b'{"type":"ping","request_id":1}'
    assert text_frame("x" * 200)[:8] == b"\x81\xfe\x00\xc8\x00\x00\x00\x00"
    assert text_frame("x" * 70_000)[:14] == b"\x81\xff\x00\x00\x00\x00\x00\x01\x11\x70\x00\x00\x00\x00"
