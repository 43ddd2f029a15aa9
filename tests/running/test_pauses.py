"""Pausing one model or all takes effect at once, for rules and for models that are asked."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections

from tests.builders import an_account
from tests.running.given import START, Scripted, World, scheduled, until
from trading.desk import Request
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action
from trading.models import ModelDecision, ModelPause, ModelRun, ModelSchedule
from trading.prices import market_now
from trading.running import control
from trading.running.fences import ModelFence, ModelPaused


def pause(account: Any, everybody: bool) -> None:
    if everybody:
        control.pause_all(START, "a look at it")
    else:
        control.pause([account.pk], START)


def resume(account: Any, everybody: bool) -> None:
    if everybody:
        control.resume_all(START)
    else:
        control.resume([account.pk], START)


@pytest.mark.parametrize("everybody", [False, True])
def test_a_paused_model_is_not_asked_until_it_goes_on(world: World, everybody: bool) -> None:
    account = scheduled()
    control.ask([account.pk], START)
    pause(account, everybody)
    world.step()
    assert not ModelRun.objects.exists()
    assert ModelSchedule.objects.get().asked_at is None, "what was asked before the pause is not done after it"
    resume(account, everybody)
    world.step()
    assert ModelRun.objects.get().trigger == "interval"


@pytest.mark.parametrize("everybody", [False, True])
def test_what_a_model_answers_after_it_was_paused_is_not_carried_out(world: World, everybody: bool) -> None:
    account = scheduled(settings={"waits": True, "size": "0.01", "cost": "0.1", "most_cost": "0.2"})
    world.step(settled=False)
    assert Scripted.entered.wait(20)
    pause(account, everybody)
    Scripted.gate.set()
    assert world.engine.runner.wait(20)
    run = ModelRun.objects.get()
    assert (run.status, run.error) == ("failed", "BTC: The model was paused.")
    assert (str(run.cost), run.raw_reply[:6]) == ("0.100000", '{"size'), "it is paid for all the same"
    assert not ModelDecision.objects.exists()


def test_pausing_one_account_leaves_the_others(world: World) -> None:
    paused, other = scheduled(), scheduled()
    control.pause([paused.pk], START)
    world.step()
    assert ModelRun.objects.get().account == other
    control.resume_all(START)
    world.step()
    assert ModelRun.objects.count() == 1, "the account was paused by itself"


@pytest.mark.parametrize("everybody", [False, True])
def test_a_paused_rule_decides_nothing(world: World, settings: Any, everybody: bool) -> None:
    settings.HYPERORU_MARKET = "replay"
    account = an_account(model="rsi_support_resistance")
    until(ModelDecision.objects.exists, world.step)
    pause(account, everybody)
    stood = ModelDecision.objects.count()
    for _ in range(5):
        world.step()
    assert ModelDecision.objects.count() == stood
    resume(account, everybody)
    until(lambda: ModelDecision.objects.count() > stood, world.step)


def test_what_a_rule_decided_before_it_was_paused_is_not_carried_out_after_it(world: World, settings: Any) -> None:
    settings.HYPERORU_MARKET = "replay"
    account = an_account(model="rsi_support_resistance")
    until(ModelDecision.objects.exists, world.step)
    lead = world.engine._lead
    assert lead is not None
    last = lead.deciders.bars("BTC", 1)[0]
    market = market_now(world.desks[0].board, world.now)
    requests = lead.deciders.on_bars([replace(last, number=last.number + 1)], market)
    assert requests
    stood = ModelDecision.objects.count()
    control.pause([account.pk], START)
    assert {type(answer) for answer in world.desks[0].execute(requests)} == {ModelPaused}
    assert ModelDecision.objects.count() == stood


def test_a_pause_waits_for_what_is_being_carried_out_and_nothing_comes_after_it(world: World) -> None:
    account = scheduled()
    world.step()
    lease = world.engine.lease
    stop, submitted = threading.Event(), threading.Event()

    def decide() -> None:
        number = 0
        while not stop.is_set():
            decision = SubmitDecision("scripted", "BTC", Action.HOLD, "again", client_decision_id=f"race:{number}")
            world.desks[0].submit(Request(account.pk, decision, fence=ModelFence(lease, lease.fence))).result()
            number += 1
            if number == 3:
                submitted.set()
        connections.close_all()

    thread = threading.Thread(target=decide)
    thread.start()
    assert submitted.wait(20)
    control.pause([account.pk], START)
    stood = ModelDecision.objects.count()
    after = threading.Event()
    after.wait(0.2)
    stop.set()
    thread.join()
    assert ModelDecision.objects.count() == stood >= 3
    assert not ModelPause.objects.exists()
