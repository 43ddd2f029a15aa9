"""A real server on loopback that speaks chat completions, and fails as real ones do."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "ChatServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = self.server.took(Asked(self.path, headers, json.loads(body)))
        with suppress(ConnectionError, TimeoutError):
            behaviour(self)

    do_GET = do_POST

    def log_message(self, *args: object) -> None:
        pass


Behaviour = Callable[[_Handler], None]


class ChatServer(ThreadingHTTPServer):
    """Behaves as it is told to, one behaviour a request, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviours: list[Behaviour] = [say("")]
        self.requests: list[Asked] = []
        self.over = threading.Event()
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def will(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)

    def took(self, asked: Asked) -> Behaviour:
        with self._lock:
            self.requests.append(asked)
            return self.behaviours[min(len(self.requests), len(self.behaviours)) - 1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error here."""


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="chat server")
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


# What it can do


def answer(
    body: bytes | str, status: int = 200, content_type: str | None = "application/json", **headers: str
) -> Behaviour:
    data = body.encode() if isinstance(body, str) else body

    def behave(handler: _Handler) -> None:
        handler.send_response(status)
        if content_type:
            handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return behave


def completion(content: Any, finish: str = "stop", tokens: Any = (1000, 200), **message: Any) -> str:
    """Return the body of a chat completion; what is not a string is said as JSON."""
    said = content if isinstance(content, str) or content is None else json.dumps(content)
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": 1} if tokens else None
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "loopback",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": said, **message},
                }
            ],
            "usage": usage,
        }
    )


def say(content: Any, **values: Any) -> Behaviour:
    return answer(completion(content, **values))


def half(body: str) -> Behaviour:
    """Promise a whole body and hang up in its middle."""
    data = body.encode()

    def behave(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    return behave


def silence(handler: _Handler) -> None:
    """Say nothing until the test is over."""
    handler.server.over.wait(PATIENCE_S)
    handler.close_connection = True


def drip(handler: _Handler) -> None:
    """Send a byte now and then, for ever: never silent for long, and never done."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def flood(status: int) -> Behaviour:
    """Send without end and without saying how much."""

    def behave(handler: _Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        while not handler.server.over.is_set():
            handler.wfile.write(b" " * 65_536)

    return behave


def hang_up(handler: _Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True
