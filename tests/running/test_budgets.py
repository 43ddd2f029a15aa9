"""What a run may cost is reserved before the model is asked; without room nobody asks."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.running.given import Scripted, World, scheduled
from trading.models import ModelDecision, ModelRun
from trading.running import control


@pytest.fixture(autouse=True)
def _a_dollar_a_day(settings: Any) -> None:
    settings.HYPERORU_LLM_DAILY_USD = Decimal(1)


def hands(world: World, account: Any, times: int) -> None:
    for _ in range(times):
        control.ask([account.pk], world.now)
        world.step()


def test_what_was_reserved_is_settled_to_what_it_cost(world: World) -> None:
    account = scheduled(settings={"most_cost": "0.6", "cost": "0.1"}, paused=False)
    hands(world, account, 6)
    assert len(Scripted.seen) == 5, "0.5 were spent, and 0.6 more would be too much"
    assert set(ModelRun.objects.values_list("cost", flat=True)) == {Decimal("0.1")}


def test_a_run_that_takes_the_last_cent_has_room(world: World) -> None:
    account = scheduled(settings={"most_cost": "0.5", "cost": "0.5"}, paused=False)
    hands(world, account, 3)
    assert len(Scripted.seen) == 2


def test_no_room_is_told_once_an_hour_and_nobody_is_asked(world: World) -> None:
    account = scheduled(settings={"most_cost": "1.000001"}, paused=False)
    hands(world, account, 3)
    [told] = ModelDecision.objects.all()
    assert (told.decision, told.status, told.run) == ("hold", "failed", None)
    assert told.outcome == (
        "failed: The day's budget has no room: 0 USD spent or reserved, 1.000001 USD wanted, 1 USD allowed a day."
    )
    assert not Scripted.seen
    assert not ModelRun.objects.exists()
    world.now = world.now.replace(hour=13)
    hands(world, account, 2)
    assert ModelDecision.objects.count() == 2


def test_a_model_that_fails_costs_what_was_reserved(world: World) -> None:
    account = scheduled(settings={"most_cost": "0.6", "fails": "ask"}, paused=False)
    hands(world, account, 2)
    assert ModelRun.objects.get().cost == Decimal("0.6")


def test_a_new_day_has_a_new_budget(world: World) -> None:
    account = scheduled(settings={"most_cost": "1", "cost": "1"}, paused=False)
    world.now = datetime(2026, 4, 9, 23, 59, 50, tzinfo=UTC)
    hands(world, account, 2)
    assert len(Scripted.seen) == 1
    world.now = datetime(2026, 4, 10, tzinfo=UTC)
    hands(world, account, 2)
    assert len(Scripted.seen) == 2


@pytest.mark.parametrize(("own", "asked"), [("2", 2), ("0", 0)])
def test_an_account_may_have_a_budget_of_its_own(world: World, own: str, asked: int) -> None:
    account = scheduled(settings={"most_cost": "1", "cost": "1"}, daily_usd=Decimal(own))
    hands(world, account, 4)
    assert len(Scripted.seen) == asked


def test_what_costs_nothing_needs_no_budget(world: World, settings: Any) -> None:
    settings.HYPERORU_LLM_DAILY_USD = Decimal(0)
    account = scheduled(paused=False)
    hands(world, account, 2)
    assert len(Scripted.seen) == 2


@pytest.mark.parametrize("amount", ["NaN", "-1", "Infinity"])
def test_a_cost_that_is_no_amount_fails_closed(world: World, amount: str) -> None:
    unknown = scheduled(settings={"most_cost": amount}, paused=False)
    hands(world, unknown, 1)
    assert not Scripted.seen
    assert ModelRun.objects.get().status == "failed"
    wrong = scheduled(settings={"most_cost": "0.7", "cost": amount}, paused=False)
    hands(world, wrong, 1)
    assert ModelRun.objects.get(account=wrong).cost == Decimal("0.7")
