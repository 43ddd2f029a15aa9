"""The folder that every server starts from: one database, with users, accounts, positions and resting orders."""

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.servers.process import ROOT, python

if TYPE_CHECKING:
    from bench.servers.postgresql import PostgreSQL

TRADERS = 10
PRICES = {"BTC": 68_500, "ETH": 3_500}


def seed(traders: int) -> dict[str, Any]:
    """Return who and what there is, for `seed_accounts`."""
    return {
        "users": [{"username": "crowd"}, {"username": "trader"}, {"username": "ops", "staff": True}],
        "accounts": [
            {"owner": "crowd", "name": "Watched", "starting_capital": 1_000_000},
            *(
                {"owner": "trader", "name": f"Traded {number}", "starting_capital": 1_000_000}
                for number in range(1, traders + 1)
            ),
        ],
        "tokens": [{"user": user, "label": "bench", "scope": "trade"} for user in ("crowd", "trader", "ops")],
    }


class Template:
    """A prepared folder, copied for each server. `tokens` by user, `accounts` by name.

    With `postgresql` the database is one on that server, and each copy has its own; else it is SQLite in the folder.
    """

    def __init__(self, folder: Path, *, traders: int = TRADERS, postgresql: "PostgreSQL | None" = None) -> None:
        self.folder = folder
        self._traders = traders
        self._postgresql = postgresql
        self._original = folder / "template"
        self._copies = 0
        self.tokens: dict[str, str] = {}
        self.accounts: dict[str, int] = {}

    @property
    def traded(self) -> list[int]:
        return [number for name, number in self.accounts.items() if name.startswith("Traded")]

    def prepare(self) -> None:
        """Make the database, open the accounts, set prices and let the watched account hold something."""
        from bench.servers.hyperoru import Hyperoru
        from bench.servers.prepare import trade_a_little

        self._original.mkdir(parents=True)
        if self._postgresql is not None:
            self._postgresql.create(self._database(self._original))
        file = self.folder / "seed.json"
        file.write_text(json.dumps(seed(self._traders)))
        self._manage("migrate", "--verbosity", "0")
        seeded = json.loads(self._manage("seed_accounts", "--file", str(file), "--json"))
        self.tokens = {row["username"]: row["token"] for row in seeded["tokens"]}
        self.accounts = {row["name"]: row["id"] for row in seeded["accounts"]}
        server = Hyperoru(self, folder=self._original)
        server.start()
        try:
            for symbol, mark in PRICES.items():
                put_price(server.port, symbol, mark, self.tokens["ops"])
            trade_a_little(server, self)
        finally:
            server.stop()

    def copy(self) -> Path:
        """Return a new folder with a copy of all."""
        self._copies += 1
        folder = self.folder / f"server-{self._copies}"
        shutil.copytree(self._original, folder)
        if self._postgresql is not None:
            self._postgresql.create(self._database(folder), self._database(self._original))
        return folder

    def environment(self, folder: Path) -> dict[str, str]:
        """Return what tells a process of the server where its data are, and that prices are set by hand."""
        at = {} if self._postgresql is None else {"DATABASE_URL": self._postgresql.url(self._database(folder))}
        return {"HYPERORU_VAR": str(folder), "HYPERORU_MARKET": "manual", **at}

    def empty(self) -> Path:
        """Return a new folder with nothing in it."""
        self._copies += 1
        folder = self.folder / f"server-{self._copies}"
        folder.mkdir(parents=True)
        return folder

    @staticmethod
    def _database(folder: Path) -> str:
        return f"{folder.parent.name}-{folder.name}"

    def _manage(self, *words: str) -> str:
        kept = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        done = subprocess.run(
            python("manage.py", *words),
            cwd=ROOT,
            env=kept | self.environment(self._original),
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout


def put_price(port: int, symbol: str, mark: float, token: str) -> Any:
    """Set a price of the manual market."""
    call = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/market/{symbol}/",
        method="PUT",
        data=json.dumps({"mark": mark}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Token {token}"},
    )
    with urllib.request.urlopen(call, timeout=30) as response:
        return json.load(response)
