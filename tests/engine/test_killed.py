"""An engine killed at any of its statements leaves whole commands; the next one does the rest, and nothing twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.processes import ROOT, Place

FIRST, EVERY = 4, 9
"""Which statements: one after the other is `python -m tests.engine.killed 1 1`, which takes two minutes."""


@pytest.mark.sqlite  # on a database of its own, which each try begins with anew
def test_whoever_takes_over_finishes_what_a_killed_engine_began(tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_RECONCILE_EVERY_S="0")
    place.manage("migrate", "--verbosity", "0")
    words = [sys.executable, "-m", "tests.engine.killed", str(FIRST), str(EVERY)]
    ended = subprocess.run(words, cwd=ROOT, env=place.environment, capture_output=True, timeout=240)
    assert ended.returncode == 0, ended.stderr.decode()
    told = json.loads(ended.stdout)
    assert told["killed"] >= 20
    expected = told["expected"]
    reasons = {reason for reason in ("backstop", "liquidation") if f"'{reason}'" in str(expected["trades"])}
    assert reasons == {"backstop", "liquidation"}
    assert sum("'funding'" in entry for entry, _ in expected["entries"]) == 3
    assert sum("'stop_market', 'filled'" in order for order, _ in expected["orders"]) == 1
    assert sum("'limit', 'filled'" in order for order, _ in expected["orders"]) == 1
    assert {number for rows in expected.values() for _, number in rows} == {1}
