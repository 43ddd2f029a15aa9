"""Two engines as processes of their own, on the test's database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from tests.commands.processes import ROOT
from tests.running.given import NAME, Scripted, scheduled
from trading.agents.askers import register_asker
from trading.domain.market import Quote
from trading.models import EngineLease, ModelDecision, ModelRun, Position
from trading.prices import store
from trading.running import control

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 40.0


def database_url() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    server, _, rest = os.environ["DATABASE_URL"].rpartition("/postgres?")
    return f"{server}/{name}?{rest}"


@contextmanager
def engines(number: int) -> Iterator[dict[int, subprocess.Popen[bytes]]]:
    """Run engines, by process id; end them all at the end."""
    environment = {**os.environ, "DATABASE_URL": database_url(), "HYPERORU_LEASE_S": "1", "HYPERORU_TICK_S": "0.05"}
    started = [
        subprocess.Popen([sys.executable, "-m", "tests.running.process"], cwd=ROOT, env=environment)
        for _ in range(number)
    ]
    try:
        yield {each.pid: each for each in started}
    finally:
        for each in started:
            each.kill()
            each.wait()


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never was so"
        time.sleep(0.02)


def pid_of(holder: str) -> int:
    return int(holder.split(":")[-2])


@pytest.fixture
def account(tmp_path: Path) -> Account:
    register_asker(NAME, Scripted)
    store([Quote("BTC", Decimal(68_500), timezone.now(), Decimal(68_500), None, expires=False)])
    return scheduled(settings={"size": "0.01", "waits_for": str(tmp_path / "gate")}, every_s=86_400)


def size() -> Decimal:
    return sum(Position.objects.values_list("size", flat=True), Decimal(0))


def test_two_engines_decide_once(account: Account, tmp_path: Path) -> None:
    others = [scheduled(settings={"size": "0.01"}, every_s=86_400) for _ in range(4)]
    (tmp_path / "gate").touch()
    with engines(2):
        eventually(lambda: ModelRun.objects.filter(status="done").count() == 5)
    assert ModelRun.objects.count() == ModelDecision.objects.count() == 5
    assert len(set(ModelRun.objects.values_list("holder", flat=True))) == 1
    assert size() == Decimal("0.01") * (1 + len(others))


def test_a_leader_that_is_killed_while_it_asks_decides_nothing(account: Account, tmp_path: Path) -> None:
    with engines(2) as started:
        eventually(ModelRun.objects.exists)
        run = ModelRun.objects.get()
        leader = pid_of(run.holder)
        os.kill(leader, signal.SIGKILL)
        eventually(lambda: pid_of(EngineLease.objects.get().holder) == next(iter(started.keys() - {leader})))
        eventually(lambda: ModelRun.objects.get().status == "expired")
        (tmp_path / "gate").touch()
        eventually(ModelDecision.objects.exists)
        assert control.ask([account.pk], timezone.now()) == {}
        eventually(lambda: ModelRun.objects.filter(status="done").exists())
    told, decided = ModelDecision.objects.order_by("pk")
    assert (told.status, told.run_id, decided.status) == ("failed", run.pk, "accepted")
    assert pid_of(ModelRun.objects.get(status="done").holder) != leader
    run.refresh_from_db()
    assert (run.status, run.raw_reply) == ("expired", "")
    assert size() == Decimal("0.01")
