"""Asking, pausing and reading runs: by command, in the admin and over REST."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Account, AuditEntry
from tests.builders import a_token, a_user, access, an_account
from tests.running.given import START, World, scheduled
from trading.models import ModelPause, ModelRun, ModelSchedule
from trading.running import control


def asked() -> set[int]:
    return set(ModelSchedule.objects.filter(asked_at__isnull=False).values_list("pk", flat=True))


def call(*words: str) -> tuple[str, str, int]:
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command(*words, stdout=out, stderr=err)
    except SystemExit as end:
        code = int(str(end.code))
    return out.getvalue(), err.getvalue(), code


# By command


def test_a_command_asks_for_some_or_all(world: World) -> None:
    one, two, none = an_account(model="scripted"), an_account(model="rsi_support_resistance"), an_account()
    out, err, code = call("decide", str(one.pk), str(none.pk))
    assert (out, err.strip(), code) == (
        f"Account {one.pk}: asked.\n",
        f"Account {none.pk} has no model that runs here.",
        1,
    )
    assert asked() == {one.pk}
    assert call("decide", "--all")[2] == 0
    assert asked() == {one.pk, two.pk}
    with pytest.raises(CommandError):
        call("decide")
    with pytest.raises(CommandError):
        call("decide", str(10**30))


def test_commands_pause_and_resume(world: World) -> None:
    account = scheduled()
    call("pause_models", "--account", str(account.pk))
    assert ModelSchedule.objects.get().paused
    call("resume_models", "--account", str(account.pk))
    assert not ModelSchedule.objects.get().paused
    call("pause_models", "--reason", "it drifts")
    assert ModelPause.objects.get().reason == "it drifts"
    assert call("decide", "--all")[0] == "No account has a model that can run.\n"
    call("resume_models")
    assert not ModelPause.objects.exists()
    told = list(AuditEntry.objects.order_by("pk").values_list("action", "target"))
    assert told == [
        ("pause_model", f"account:{account.pk}"), ("resume_model", f"account:{account.pk}"), ("pause_models", "all"),
        ("resume_models", "all"),
    ]  # fmt: skip


# In the admin


@pytest.fixture
def browser(transactional_db: None) -> Client:
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("boss"))
    return browser


@pytest.mark.parametrize("page", ["/admin/accounts/account/", "/admin/trading/modelschedule/"])
def test_actions_ask_pause_and_resume(world: World, browser: Client, page: str) -> None:
    account = scheduled()

    def act(action: str) -> None:
        data = {"action": action, "_selected_action": [account.pk]}
        assert browser.post(page, data, follow=True).status_code == 200

    act("ask_now")
    assert asked() == {account.pk}
    act("pause_models")
    assert ModelSchedule.objects.get().paused
    act("ask_now")
    assert asked() == set()
    act("resume_models")
    assert not ModelSchedule.objects.get().paused
    assert AuditEntry.objects.filter(actor__username="boss", action="pause_model").exists()


def test_a_schedule_is_made_and_changed_without_undoing_what_the_engine_wrote(world: World, browser: Client) -> None:
    account = an_account(model="scripted")
    form = {"account": account.pk, "every_s": "60", "move_pct": "0.5", "daily_usd": "2.5"}
    assert browser.post("/admin/trading/modelschedule/add/", form).status_code == 302
    world.step()
    last = ModelSchedule.objects.get().last_run_at
    assert last == world.now
    url = f"/admin/trading/modelschedule/{account.pk}/change/"
    assert browser.get(url).status_code == 200
    assert browser.post(url, {**form, "every_s": "120", "paused": "on"}).status_code == 302
    row = ModelSchedule.objects.get()
    assert (row.every_s, row.paused, row.last_run_at) == (120, True, last)


def test_the_pause_of_all_is_made_and_ended(world: World, browser: Client) -> None:
    assert browser.post("/admin/trading/modelpause/add/", {"reason": "news"}).status_code == 302
    assert ModelPause.objects.get().reason == "news"
    assert browser.get("/admin/trading/modelpause/add/").status_code == 403
    assert browser.post("/admin/trading/modelpause/1/delete/", {"post": "yes"}).status_code == 302
    assert not ModelPause.objects.exists()


def test_a_run_is_shown_and_can_not_be_changed(world: World, browser: Client) -> None:
    scheduled()
    world.step()
    page = browser.get(f"/admin/trading/modelrun/{ModelRun.objects.get().pk}/change/")
    assert "What now?" in page.content.decode()
    assert browser.post(f"/admin/trading/modelrun/{ModelRun.objects.get().pk}/change/", {}).status_code == 403


# Over REST


def request(method: str, path: str, token: str) -> Any:
    return getattr(Client(), method)(path, headers={"Authorization": f"Token {token}"})


@pytest.fixture
def account(world: World) -> Account:
    return scheduled(settings={"cost": "0.1", "most_cost": "0.2"})


@pytest.mark.parametrize(
    ("role", "scope", "decides", "sees"),
    [
        ("owner", "trade", 202, "all"),
        ("owner", "read", 403, "some"),
        ("trader", "trade", 202, "all"),
        ("viewer", "trade", 403, "some"),
        ("stranger", "trade", 404, "nothing"),
        ("staff", "trade", 403, "all"),
    ],
)
def test_who_may_ask_and_read(world: World, account: Account, role: str, scope: str, decides: int, sees: str) -> None:
    world.step()
    user = account.owner if role == "owner" else a_user(is_staff=role == "staff")
    if role in ("trader", "viewer", "staff"):
        access(account, user, "viewer" if role == "staff" else role)
    token = a_token(user, scope)
    assert request("post", f"/api/accounts/{account.pk}/decide/", token).status_code == decides
    assert asked() == ({account.pk} if decides == 202 else set())
    page = request("get", f"/api/accounts/{account.pk}/runs/", token)
    if sees == "nothing":
        assert page.status_code == 404
        return
    [run] = page.json()["results"]
    assert (run["status"], run["cost"], run["prompt_tokens"], run["trigger"]) == ("done", 0.1, 100, "interval")
    assert ("raw_reply" in run, "prompt" in run) == ((True, True) if sees == "all" else (False, False))


def test_what_can_not_run_is_a_conflict(world: World, account: Account) -> None:
    control.pause_all(START)
    answer = request("post", f"/api/accounts/{account.pk}/decide/", a_token(account.owner))
    assert (answer.status_code, answer.json()) == (409, {"detail": f"The model of account {account.pk} is paused."})
    assert request("get", f"/api/accounts/{2**70}/runs/", a_token(account.owner)).status_code == 404
    assert Client().get(f"/api/accounts/{account.pk}/runs/").status_code == 401


def test_runs_come_in_pages_the_newest_first(world: World, account: Account) -> None:
    for _ in range(5):
        world.step(60)
    token = a_token(account.owner)
    path, found = f"/api/accounts/{account.pk}/runs/?limit=2", list[int]()
    while path:
        page = request("get", path, token).json()
        assert len(page["results"]) <= 2
        found += [run["id"] for run in page["results"]]
        path = page["next"]
    assert found == sorted(found, reverse=True)
    assert len(found) == 5


def test_the_leaderboard_over_rest(world: World, account: Account) -> None:
    token = a_token(account.owner, "read")
    answer = request("get", "/api/leaderboard/?timeframe=all", token).json()
    [standing] = answer["standings"]
    assert (answer["timeframe"], standing["account_id"], standing["return_pct"]) == ("all", account.pk, 0)
    assert request("get", "/api/leaderboard/", token).json()["timeframe"] == "24h"
    assert request("get", "/api/leaderboard/?timeframe=2d", token).status_code == 400
    assert Client().get("/api/leaderboard/").status_code == 401
