"""When models run, and what is on disk of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from tests.builders import an_account, an_order
from tests.running.given import START, Scripted, World, scheduled, until
from trading.desk import Request
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action, OrderType
from trading.models import ModelDecision, ModelRun, ModelSchedule, Order, Position
from trading.running import control


def triggers() -> list[str]:
    return list(ModelRun.objects.order_by("pk").values_list("trigger", flat=True))


def test_a_run_by_time_decides_trades_and_is_stored_with_all_that_it_was(world: World) -> None:
    account = scheduled(settings={"size": "0.01", "cost": "0.0000001", "most_cost": "0.5"})
    world.step()
    [run], [decision] = ModelRun.objects.all(), ModelDecision.objects.all()
    assert (run.account, run.model, run.trigger, run.status, run.error) == (account, "scripted", "interval", "done", "")
    assert (run.llm, run.template, run.prompt, run.prompt_tokens, run.attempts) == ("small", "v1", "What now?", 100, 1)
    assert run.raw_reply == '{"size": "0.01"}\N{REPLACEMENT CHARACTER}'
    assert run.cost == Decimal("0.000001"), "a part of a millionth counts as one"
    assert run.latency_ms is not None
    assert run.finished_at is not None
    assert (decision.run, decision.decision, decision.status, decision.mark) == (run, "buy", "accepted", 68_500)
    assert decision.decided_at == world.now
    assert decision.client_decision_id == f"run:{run.pk}:0"
    assert Order.objects.get().decision == decision
    assert Position.objects.get(account=account).size == Decimal("0.01")


def test_it_runs_again_when_its_time_has_come_and_not_before(world: World) -> None:
    scheduled(every_s=60)
    for _ in range(60):
        world.step()
    assert triggers() == ["interval"]
    world.step()
    assert triggers() == ["interval"] * 2


def test_it_runs_when_the_price_has_moved_since_its_last_run(world: World) -> None:
    account = scheduled(move_pct=Decimal("0.5"))
    world.step()
    assert triggers() == ["price"], "there was no run to compare with"
    assert ModelSchedule.objects.get(pk=account.pk).last_marks == {"BTC": "68500.000000"}
    world.put("68842")
    world.step()
    assert triggers() == ["price"], "it moved by less than half a percent"
    world.put("68157.5")
    world.step()
    assert triggers() == ["price"] * 2
    world.step()
    assert triggers() == ["price"] * 2


def test_it_runs_when_somebody_asks(world: World) -> None:
    account = an_account(model="scripted")
    world.step()
    assert triggers() == []
    assert control.ask([account.pk], timezone.now()) == {}
    world.step()
    world.step()
    assert triggers() == ["hand"]


def test_without_a_schedule_or_a_price_nothing_runs(world: World) -> None:
    an_account(model="scripted")
    scheduled(every_s=None)
    world.step()
    assert triggers() == []


def test_what_cannot_run_is_refused_when_somebody_asks(world: World) -> None:
    frozen, outside = an_account(model="scripted", status="frozen"), an_account(model="my-own-bot")
    paused = scheduled(paused=True)
    refused = control.ask([frozen.pk, outside.pk, paused.pk, 10**9], START)
    assert [refused[pk] for pk in (frozen.pk, outside.pk, paused.pk, 10**9)] == [
        f"Account {frozen.pk} is frozen.",
        f"Account {outside.pk} has no model that runs here.",
        f"The model of account {paused.pk} is paused.",
        f"There is no account {10**9}.",
    ]


@pytest.mark.parametrize("fails", ["ask", "most_cost"])
def test_a_model_that_fails_is_told_and_stops_no_other(world: World, fails: str) -> None:
    failing, well = scheduled(settings={"fails": fails}), scheduled()
    world.step()
    run = ModelRun.objects.get(account=failing)
    assert run.status == "failed"
    assert run.error.startswith("RuntimeError: ")
    assert ModelRun.objects.get(account=well).status == "done"
    world.step()
    assert ModelRun.objects.count() == 2, "it is tried again when it is due, not before"
    if fails == "ask":
        decision = ModelDecision.objects.get(account=failing)
        assert (decision.decision, decision.status, decision.run) == ("hold", "failed", run)
        assert "fell over" in decision.outcome


def test_settings_that_cannot_be_used_are_told_once(world: World) -> None:
    scheduled(settings={"wrong": 1})
    world.step()
    world.step(120)
    [run] = ModelRun.objects.all()
    assert (run.status, run.error) == ("failed", "It can't be run: There is no setting 'wrong'.")


def test_who_asks_for_one_with_such_settings_is_told_each_time(world: World) -> None:
    account = scheduled(settings={"wrong": 1})
    for _ in range(2):
        world.step()
        assert control.ask([account.pk], world.now) == {}
        world.step()
    assert triggers() == ["interval", "hand", "hand"]
    assert ModelSchedule.objects.get().asked_at is None


def test_a_decision_that_the_exchange_refuses_is_told_on_the_run(world: World) -> None:
    scheduled(settings={"symbol": "DOGE"})
    world.step()
    run = ModelRun.objects.get()
    assert run.status == "failed"
    assert "DOGE" in run.error


def test_the_market_goes_on_while_a_model_is_asked_and_no_second_run_begins(world: World) -> None:
    account = scheduled(settings={"waits": True, "size": "0.01"}, every_s=1)
    world.step(settled=False)
    assert Scripted.entered.wait(20)
    for mark in ("68600", "68700", "68800"):
        world.put(mark)
        world.step(settled=False)
        assert world.desks[0].board.quotes["BTC"].mark == Decimal(mark)
    assert ModelRun.objects.get().status == "running"
    control.ask([account.pk], world.now)
    world.step(settled=False)
    assert ModelRun.objects.count() == 1
    Scripted.gate.set()
    assert world.engine.runner.wait(20)
    assert ModelRun.objects.get().status == "done"
    world.step()
    assert triggers() == ["interval", "hand"]


def test_no_more_are_asked_at_once_than_the_settings_say(world: World, settings: Any) -> None:
    settings.HYPERORU_MODEL_RUNS_AT_ONCE = 2
    for _ in range(3):
        scheduled(settings={"waits": True})
    world.step(settled=False)
    world.step(settled=False)
    assert len(world.engine.runner._at_work) == 2
    Scripted.gate.set()
    assert world.engine.runner.wait(20)
    world.step()
    assert ModelRun.objects.filter(status="done").count() == 3


def test_a_model_that_hangs_takes_no_place_from_others(world: World, settings: Any) -> None:
    settings.HYPERORU_MODEL_RUNS_AT_ONCE = 1
    settings.HYPERORU_MODEL_RUN_S = 30
    hanging = scheduled(settings={"waits": True}, every_s=1)
    world.step(settled=False)
    assert Scripted.entered.wait(20)
    well = scheduled()
    world.step(29, settled=False)
    assert not ModelRun.objects.filter(account=well).exists()
    until(lambda: ModelRun.objects.filter(account=well, status="done").exists(), lambda: world.step(2, settled=False))
    assert [run.status for run in ModelRun.objects.filter(account=hanging)] == ["expired"], "nobody asks it again"


def test_a_run_that_takes_too_long_is_told_and_its_answer_comes_too_late(world: World, settings: Any) -> None:
    settings.HYPERORU_MODEL_RUN_S = 30
    account = scheduled(settings={"waits": True, "size": "0.01", "most_cost": "0.25"})
    world.step(settled=False)
    assert Scripted.entered.wait(20)
    world.step(29, settled=False)
    assert ModelRun.objects.get().status == "running"
    world.step(2, settled=False)
    run = ModelRun.objects.get()
    assert (run.status, run.cost) == ("expired", Decimal("0.25"))
    assert ModelDecision.objects.get().status == "failed"
    Scripted.gate.set()
    assert world.engine.runner.wait(20)
    run.refresh_from_db()
    assert (run.status, run.raw_reply) == ("expired", "")
    assert not Position.objects.filter(account=account).exists()


def test_the_model_sees_its_account_as_the_exchange_does(world: World) -> None:
    account = an_account(model="scripted")
    world.step()
    opening = SubmitDecision("scripted", "BTC", Action.BUY, "It will rise.", order=an_order("0.5", leverage=10))
    more = SubmitDecision("scripted", "BTC", Action.BUY, "And more.", order=an_order("0.1"))
    stop = an_order("0.6", "sell", order_type=OrderType.STOP_MARKET, trigger_price=Decimal(60_000), reduce_only=True)
    world.desks[0].execute([Request(account.pk, each) for each in (opening, more, stop)])
    control.ask([account.pk], world.now)
    world.step()
    [view] = Scripted.seen
    [held] = view.positions
    assert (held.position.size, held.mark, held.thesis) == (Decimal("0.6"), 68_500, "It will rise.")
    assert held.liquidation_price is not None
    assert held.liquidation_price < 68_500
    assert held.opened_at == START + timedelta(seconds=1)
    assert [order.trigger_price for order in view.orders] == [60_000]
    assert [told.split(": ")[1].split(" → ")[0] for told in view.decisions] == ["It will rise.", "And more."]
    assert "filled at" in view.decisions[0]
    assert view.run_id == ModelRun.objects.get().pk
    assert view.symbols["BTC"].position_size == Decimal("0.6")
    account.refresh_from_db()
    assert view.cash == account.cash
    assert view.equity == account.cash + (held.mark - held.position.entry_price) * held.position.size
    assert view.limits.max_leverage == 20
