"""The benchmarks run from end to end; what they measure is not looked at here."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.sqlite
def test_a_tiny_run_measures_ours_and_the_stock_server(tmp_path: Path) -> None:
    words = ["--plan", "tiny", "--only", "fanout,orders", "--servers", "hyperoru,stock-redis", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["metrics"]) >= {"fanout@5", "last.median@5", "orders.1", "orders.many.p99"}
    for name, metric in found["metrics"].items():
        assert set(metric["servers"]) == {"hyperoru", "stock-redis"}, name
    assert found["metrics"]["fanout@5"]["servers"]["hyperoru"]["median"] > 0
    assert found["metrics"]["fanout.lost@5"]["servers"]["hyperoru"]["greatest"] == 0
    assert "fan-out, 5, deliveries/s" in done.stdout
    ElementTree.parse(tmp_path / "results.svg")


@pytest.mark.sqlite
def test_a_tiny_run_measures_the_exchange_on_both_databases(tmp_path: Path) -> None:
    both = ["--servers", "hyperoru,hyperoru-pg"]
    words = ["--plan", "tiny", "--only", "durable,tick,history,backtest", *both, "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["metrics"]["durable.spread"]["servers"]) == {"pgbench", "hyperoru", "hyperoru-pg"}
    for name in ("tick.none", "tick.crossing", "history.short", "history.long"):
        assert set(found["metrics"][name]["servers"]) == {"hyperoru", "hyperoru-pg"}, name
    assert found["metrics"]["backtest.rsi"]["servers"]["hyperoru"]["median"] > 0
    assert len(found["targets"]) == 13
