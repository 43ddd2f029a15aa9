"""The server as its own processes, each test with a folder, a database and ports of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.serving import Server

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 40.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Place:
    """A folder with a database, and the environment that leads processes there."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        kept = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        self.environment = {**kept, "HYPERORU_VAR": str(folder), "HYPERORU_MARKET": "manual", **environment}
        self.port = free_port()

    @property
    def server(self) -> Server:
        return Server(self.port)

    def manage(self, *words: str) -> str:
        """Run a command of `manage.py` to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def prepare(self) -> dict[str, str]:
        """Make the database with the demo accounts; return the session tokens by user."""
        self.manage("migrate", "--verbosity", "0")
        seeded = json.loads(self.manage("seed_accounts", "--json"))
        return {token["username"]: token["token"] for token in seeded["tokens"]}

    @contextmanager
    def running(self, *words: str, answers: bool = True) -> Iterator[subprocess.Popen[str]]:
        """Run a process until the block ends; with `answers`, wait until it serves."""
        log = (self.folder / f"{Path(words[0]).name}-{time.monotonic_ns()}.log").open("w+")
        process = subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=log, stderr=log, text=True)
        try:
            if answers:
                self.wait_until_ready(process, Path(log.name))
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()

    def wait_until_ready(self, process: "subprocess.Popen[str]", log: Path) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            assert process.poll() is None, log.read_text()
            try:
                self.get("/healthz")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)  # between two looks; what is waited for is the answer
            else:
                return
        raise AssertionError(f"not ready: {log.read_text()}")

    def logged(self) -> str:
        """Return all that the place's processes have written."""
        return "".join(log.read_text() for log in self.folder.glob("*.log"))

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.server.url + path, timeout=10) as response:
            return json.load(response)

    def put(self, path: str, body: object, token: str) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.server.url + path,
            method="PUT",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Token {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
