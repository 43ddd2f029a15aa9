"""Of two engines one leads: whatever happens to it, each run is one engine's, and what is decided is decided once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from django.db import connections

from tests.builders import an_account
from tests.running.given import START, Scripted, World, scheduled, until
from trading.domain.enums import RunTrigger
from trading.domain.money import ZERO
from trading.lease import Lease, LeaseLost
from trading.models import ModelDecision, ModelRun, Position
from trading.running import control
from trading.running.claims import Due, claim
from trading.running.fences import ModelFence


def test_both_step_and_one_asks(two: World) -> None:
    for _ in range(3):
        scheduled(every_s=1, settings={"size": "0.01"})
    for _ in range(5):
        for engine in two.engines:
            two.step(0.5, engine)
    assert ModelRun.objects.values("account", "started_at").distinct().count() == ModelRun.objects.count() == 15
    assert ModelDecision.objects.count() == 15
    assert set(ModelRun.objects.values_list("holder", flat=True)) == {two.engine.lease.holder}


def test_the_run_of_an_engine_that_lost_the_lease_writes_nothing_and_is_told(two: World) -> None:
    account = scheduled(settings={"waits": True, "size": "0.01"}, every_s=3_600)
    first, second = two.engines
    two.step(1, first, settled=False)
    assert Scripted.entered.wait(20)
    until(lambda: second.leads, lambda: two.step(1, second, settled=False))
    run = ModelRun.objects.get()
    assert (run.status, run.holder) == ("expired", first.lease.holder)
    [told] = ModelDecision.objects.all()
    assert (told.status, told.run) == ("failed", run)
    Scripted.gate.set()
    assert first.runner.wait(20)
    run.refresh_from_db()
    assert (run.status, run.raw_reply) == ("expired", "")
    assert not Position.objects.filter(account=account).exists()
    control.ask([account.pk], two.now)
    two.step(1, second)
    assert ModelRun.objects.filter(status="done", holder=second.lease.holder).count() == 1


def test_an_engine_that_leads_again_does_not_finish_what_it_began_before(two: World) -> None:
    account = scheduled(settings={"waits": True, "size": "0.01"}, every_s=3_600)
    first, second = two.engines
    two.step(1, first, settled=False)
    assert Scripted.entered.wait(20)
    until(lambda: second.leads, lambda: two.step(1, second, settled=False))
    until(lambda: first.leads and not second.leads, lambda: (second.stop(), two.step(1, first, settled=False))[0])
    Scripted.gate.set()
    assert first.runner.wait(20)
    assert not Position.objects.filter(account=account).exists()
    assert ModelRun.objects.filter(status="running").count() == 0


def test_a_stopped_engine_leaves_its_run_to_the_next_one(two: World) -> None:
    scheduled(settings={"waits": True, "size": "0.01"}, every_s=3_600)
    first, second = two.engines
    two.step(1, first, settled=False)
    assert Scripted.entered.wait(20)
    first.stop()
    two.step(1, second, settled=False)
    assert second.leads
    assert ModelRun.objects.get().status == "expired"
    Scripted.gate.set()
    assert first.runner.wait(20)
    assert not Position.objects.exists()


def test_of_many_that_claim_at_once_one_gets_it(transactional_db: None) -> None:
    account = an_account(model="scripted")
    lease = Lease(timedelta(minutes=5))
    assert lease.hold(START)
    together = Barrier(8)

    def work(number: int) -> ModelRun | None:
        try:
            due = Due(account.pk, "scripted", RunTrigger.INTERVAL)
            together.wait()
            return claim(due, ModelFence(lease, lease.fence), lease.holder, START, ZERO, {})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(work, range(8)))
    assert sum(1 for each in claimed if each is not None) == 1
    assert ModelRun.objects.count() == 1


def test_a_claim_without_the_lease_is_refused(transactional_db: None) -> None:
    account = an_account(model="scripted")
    old, new = Lease(timedelta(seconds=4)), Lease(timedelta(seconds=4))
    assert old.hold(START)
    assert new.hold(START + timedelta(seconds=5))
    due = Due(account.pk, "scripted", RunTrigger.INTERVAL)
    try:
        claim(due, ModelFence(old, old.fence), old.holder, START, ZERO, {})
    except LeaseLost:
        assert not ModelRun.objects.exists()
    else:
        raise AssertionError("it was not refused")
