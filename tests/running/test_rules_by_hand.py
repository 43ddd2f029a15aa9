"""Rules decide on each bar that closes; asked by hand they decide on the last ones."""

from typing import Any

import pytest

from tests.builders import an_account
from tests.running.given import World, until
from trading.models import ModelDecision, ModelRun
from trading.running import control

MODEL = "rsi_support_resistance"


@pytest.fixture(autouse=True)
def _replay(settings: Any) -> None:
    settings.HYPERORU_MARKET = "replay"


def test_a_rule_decides_by_hand_on_the_last_bar_and_not_twice_on_it(world: World) -> None:
    account = an_account(model=MODEL, model_settings={"every": 1_000_000})
    world.step()
    control.ask([account.pk], world.now)
    world.step()
    [run] = ModelRun.objects.all()
    assert (run.trigger, run.status, run.error, run.cost) == ("hand", "done", "", 0)
    an_other = an_account(model=MODEL)
    until(lambda: ModelDecision.objects.filter(account=an_other).exists(), world.step)
    stood = set(ModelDecision.objects.values_list("client_decision_id", flat=True))
    control.ask([an_other.pk], world.now)
    world.step(0.01, settled=True)
    world.step(1)
    ids = list(ModelDecision.objects.filter(account=an_other).values_list("client_decision_id", flat=True))
    assert len(ids) == len(set(ids)), "a bar is decided on once"
    assert stood <= set(ModelDecision.objects.values_list("client_decision_id", flat=True))
    assert ModelRun.objects.filter(account=an_other, status="done").count() == 1


def test_a_rule_that_can_not_be_run_has_that_on_a_run(world: World) -> None:
    wrong = an_account(model=MODEL, model_settings={"nonsense": 1})
    good = an_account(model=MODEL)
    until(ModelRun.objects.exists, world.step)
    for _ in range(3):
        world.step()
    [run] = ModelRun.objects.all()
    assert (run.account, run.trigger, run.status) == (wrong, "bar", "failed")
    assert "nonsense" in run.error
    assert ModelDecision.objects.filter(account=good).exists()
    control.ask([wrong.pk], world.now)
    world.step()
    assert ModelRun.objects.filter(trigger="hand", status="failed").count() == 1
