"""Many sockets behind one epoll, whose frames are counted and, for few of them, kept.

The loop reads whatever a socket has with one call and walks over the frames' headers; it copies nothing of a socket
that only counts. That costs a few microseconds a frame, so one process outruns every server that it measures.
"""

import json
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.load.frames import CLOSE, HANDSHAKE, PING, TEXT, pong

BUFFER = 1 << 18
PATIENCE_S = 60.0
AT_ONCE = 32


class Refused(Exception):
    """The server closed a socket, or answered with an error, where neither was expected."""


class Client:
    """One socket. `frames` counts its text frames; with `keep` their payloads wait in `inbox`.

    `react` is called with the client and the number of new frames, after each read that brought any.
    """

    __slots__ = ("closed", "frames", "inbox", "keep", "react", "recv_into", "skip", "sock", "tail")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.recv_into = sock.recv_into
        self.skip = 0
        self.tail = b""
        self.frames = 0
        self.keep = False
        self.inbox: list[bytes] = []
        self.react: Callable[[Client, int], None] | None = None
        self.closed = False

    def send(self, data: bytes) -> None:
        """Send all of it; the generator never sends more than a socket's buffer takes."""
        if self.closed:
            raise Refused("the server closed the socket")
        self.sock.sendall(data)


class Sockets:
    """The generator's sockets. `received` and `received_bytes` count those without a `react`: the crowd."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self.received = 0
        self.received_bytes = 0

    def __len__(self) -> int:
        return len(self._clients)

    def open(self, port: int, count: int, hello: Sequence[bytes] = (), *, pause: float = 0.0) -> list[Client]:
        """Open sockets, send each these requests and wait for one answer to each request."""
        opened: list[Client] = []
        while len(opened) < count:
            opened += self._open_some(port, min(AT_ONCE, count - len(opened)), hello)
            self.pump(pause)
        return opened

    def _open_some(self, port: int, count: int, hello: Sequence[bytes]) -> list[Client]:
        made = [connect(port) for _ in range(count)]
        for client in made:
            finish_handshake(client)
            client.keep = True
            if hello:
                client.send(b"".join(hello))
        for client in made:
            self.add(client)
        for client in made:
            for reply in self.replies(client, len(hello)):
                if reply["type"] == "error":
                    raise Refused(str(reply))
            client.keep = False
            client.react = None
            client.frames = 0
        return made

    def add(self, client: Client) -> None:
        client.sock.setblocking(False)
        client.react = client.react or _ignore
        self._clients[client.sock.fileno()] = client
        self._epoll.register(client.sock.fileno(), select.EPOLLIN)

    def close(self, clients: Sequence[Client]) -> None:
        """Drop sockets without a farewell, as a lost network does."""
        for client in clients:
            if not client.closed:
                self._forget(client)

    def call(self, client: Client, frame: bytes) -> dict[str, Any]:
        """Send a request on a socket that keeps and return the next frame."""
        client.send(frame)
        return self.replies(client, 1)[0]

    def replies(self, client: Client, count: int) -> list[dict[str, Any]]:
        """Wait until a socket that keeps has so many frames; take and decode them."""
        end = time.monotonic() + PATIENCE_S
        while len(client.inbox) < count:
            if client.closed:
                raise Refused("the server closed the socket")
            if time.monotonic() > end:
                raise TimeoutError(f"no answer in {PATIENCE_S:.0f} s")
            self.pump(1.0)
        taken, client.inbox[:] = client.inbox[:count], client.inbox[count:]
        return [json.loads(each) for each in taken]

    def pump(self, timeout: float) -> None:
        """Take what has come; wait for something at most so many seconds."""
        clients = self._clients
        for fd, _ in self._epoll.poll(timeout, 256):
            client = clients.get(fd)
            if client is None:
                continue
            kept = len(client.tail)
            try:
                came = self._read(client)
            except BlockingIOError:
                continue
            except ConnectionError:
                came = 0
            if not came:
                self._forget(client)
                continue
            frames = self._walk(client, came)
            client.frames += frames
            if client.react is None:
                self.received += frames
                self.received_bytes += came - kept
            elif frames:
                client.react(client, frames)

    def _read(self, client: Client) -> int:
        """Read into the buffer, behind what was kept of the last read; return how much there is, 0 at the end."""
        tail = client.tail
        if not tail:
            return client.recv_into(self._buffer)
        client.tail = b""
        kept = len(tail)
        self._buffer[:kept] = tail
        came = client.recv_into(self._view[kept:])
        return came and came + kept

    def _walk(self, client: Client, size: int) -> int:
        """Walk over the frames in the buffer and return how many text frames begin there.

        What is left of a frame that only counts is skipped in the next read; other incomplete frames, and headers, are
        kept for it.
        """
        buffer, view = self._buffer, self._view
        at = client.skip
        frames = 0
        while at < size:
            left = size - at
            length = buffer[at + 1] if left > 1 else 127
            head = 2
            if length == 126:
                head = 4
                length = (buffer[at + 2] << 8) | buffer[at + 3] if left >= 4 else 0
            elif length == 127:
                head = 10
                length = int.from_bytes(view[at + 2 : at + 10], "big") if left >= 10 else 0
            end = at + head + length
            if left < head or (end > size and (client.keep or buffer[at] != TEXT)):
                client.tail = bytes(view[at:size])
                at = size
                break
            if buffer[at] == TEXT:
                frames += 1
                if client.keep:
                    client.inbox.append(bytes(view[at + head : end]))
            else:
                self._control(client, buffer[at], bytes(view[at + head : end]))
            at = end
        client.skip = at - size
        return frames

    def _control(self, client: Client, kind: int, payload: bytes) -> None:
        if kind == PING:
            client.send(pong(payload))
        elif kind == CLOSE:
            self._forget(client)

    def _forget(self, client: Client) -> None:
        if client.closed:
            return
        client.closed = True
        fd = client.sock.fileno()
        self._clients.pop(fd, None)
        self._epoll.unregister(fd)
        client.sock.close()

    def shut(self) -> None:
        """Close all that is open."""
        self.close(list(self._clients.values()))
        self._epoll.close()


def connect(port: int, receive_buffer: int = 0) -> Client:
    """Connect and send the handshake, without waiting for its answer. `receive_buffer` in bytes, 0: the system's."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(PATIENCE_S)
    sock.connect(("127.0.0.1", port))
    sock.sendall(HANDSHAKE)
    return Client(sock)


def finish_handshake(client: Client) -> None:
    """Wait for the handshake's answer."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = client.sock.recv(4096)
        if not byte:
            raise Refused(f"no handshake: {answer[:200]!r}")
        answer += byte
    if not answer.startswith(b"HTTP/1.1 101"):
        raise Refused(f"no handshake: {answer[:200]!r}")


def _ignore(client: Client, frames: int) -> None:
    return
