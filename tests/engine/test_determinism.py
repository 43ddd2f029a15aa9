"""The same commands on the same market give the same rows, to the byte, in whatever batches."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands.processes import ROOT, Place

UPSERTED = {"trading.Position": ("account_id", "instrument_id"), "trading.DailyVolume": ("account_id", "day")}


def days(folder: Path, *plays: tuple[str, str]) -> list[dict[str, Any]]:
    """Play the scripted day once for each (batch size, hash seed), each on a fresh database; return the rows."""
    empty = Place(folder)
    empty.manage("migrate", "--verbosity", "0")
    running = []
    for number, (batch, seed) in enumerate(plays):
        place = Place(folder / str(number), HYPERORU_MARKET="simulated", PYTHONHASHSEED=seed)
        place.folder.mkdir()
        shutil.copy(folder / "hyperoru.sqlite3", place.folder)
        words = [sys.executable, "-m", "tests.engine.day", batch]
        running.append(
            subprocess.Popen(words, cwd=ROOT, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
    found = []
    for process in running:
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors.decode()
        found.append(without_keys(json.loads(out)))
    return found


def without_keys(rows: dict[str, Any]) -> dict[str, Any]:
    """Leave out the keys that nobody is told, of rows that are known by others.

    An upsert uses a number up each time that it is tried, so they depend on how many fills one batch had; and how many
    of the engine's requests the desk takes at once depends on which thread is faster.
    """
    for label, known_by in UPSERTED.items():
        rows[label].sort(key=lambda row: [row[name] for name in known_by])
        for row in rows[label]:
            del row["id"]
    return rows


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return days(tmp_path_factory.mktemp("days"), ("64", "1"), ("64", "2"), ("1", "3"), ("7", "4"))


def test_the_day_is_worth_comparing(played: list[dict[str, Any]]) -> None:
    first = played[0]
    for label in ("trading.Trade", "trading.Order", "trading.ModelDecision", "accounts.LedgerEntry", "realtime.Event"):
        assert len(first[label]) > 20, label
    assert {row["liquidity"] for row in first["trading.Trade"]} == {"taker", "maker"}
    assert len({row["timestamp"][:10] for row in first["trading.EquityPoint"]}) == 2


def test_the_same_day_again_gives_the_same_bytes(played: list[dict[str, Any]]) -> None:
    agree(played[0], played[1])


@pytest.mark.parametrize("other", [2, 3], ids=["one by one", "by sevens"])
def test_how_commands_were_batched_can_not_be_seen(played: list[dict[str, Any]], other: int) -> None:
    agree(played[0], played[other])


def agree(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert first.keys() == second.keys()
    for label, rows in first.items():
        for ours, theirs in zip(rows, second[label], strict=False):
            assert ours == theirs, label
        assert len(rows) == len(second[label]), label
