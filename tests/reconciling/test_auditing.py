"""The leading engine compares every account with its history, a little in each step, and tells what differs."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from tests.builders import an_account, an_order, done
from tests.reconciling.given import a_busy_account, price, tamper
from trading import auditing
from trading.auditing import Auditor, summary
from trading.desk import Desk
from trading.engine import Engine
from trading.market.board import Board
from trading.models import Position, Reconciliation, Trade

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 4, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _often(settings: Any) -> None:
    settings.HYPERORU_RECONCILE_EVERY_S = 60.0


def a_round(auditor: Auditor, now: datetime) -> int:
    """Let a round begin at `now` and go to its end; return the number of steps."""
    auditor.step(now)
    steps = 1
    while auditor.is_busy:
        auditor.step(now)
        steps += 1
    return steps


def result(account: Account) -> Reconciliation:
    return Reconciliation.objects.get(pk=account.pk)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_round_compares_every_account_and_remembers_how_far() -> None:
    account, idle = a_busy_account(), an_account()
    a_round(Auditor(), START)
    found = result(account)
    assert (found.differences, found.difference, found.checked_at, found.whole_at) == (0, "", START, START)
    assert found.trade_id == Trade.objects.latest("pk").pk
    assert result(idle).checked_at == START
    assert summary() == {"ok": True, "differences": 0, "checked_at": START}


def test_the_next_round_reads_only_what_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    account = a_busy_account()
    auditor = Auditor()
    a_round(auditor, START)
    fed: list[int] = []
    feed = auditing.AccountCheck._fills

    def fills(check: Any) -> Any:
        rows = feed(check)
        fed.extend(row.id for row in rows)
        return rows

    monkeypatch.setattr(auditing.AccountCheck, "_fills", fills)
    price(67_000)
    done(account, an_order("0.01"))
    a_round(auditor, START + HOUR)
    assert fed == [Trade.objects.latest("pk").pk]
    assert result(account).differences == 0
    fed.clear()
    a_round(auditor, START + timedelta(days=1))
    assert len(fed) == Trade.objects.count()  # once a day the whole history
    assert result(account).whole_at == START + timedelta(days=1)


def test_a_difference_is_told_in_words_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    account, auditor = a_busy_account(), Auditor()
    a_round(auditor, START)
    tamper("accounts_account", "cash", "cash + 1")
    for number in range(1, 4):
        a_round(auditor, START + number * HOUR)
    found = result(account)
    assert found.differences == 1
    assert found.difference.startswith(f"account {account.pk}, cash: expected ")
    assert len(errors(caplog)) == 1
    assert found.difference in errors(caplog)[0]
    assert summary()["ok"] is False
    tamper("accounts_account", "cash", "cash - 1")
    a_round(auditor, START + 4 * HOUR)
    assert (result(account).differences, result(account).difference, summary()["ok"]) == (0, "", True)
    tamper("accounts_account", "cash", "cash + 1")
    a_round(auditor, START + 5 * HOUR)
    assert len(errors(caplog)) == 2


def test_a_corrected_trade_lets_the_whole_history_be_compared() -> None:
    account, auditor = a_busy_account(), Auditor()
    a_round(auditor, START)
    trade = Trade.objects.filter(account=account).order_by("pk")[1]
    trade.fee += 1
    trade.save()
    assert result(account).trade_id == 0
    a_round(auditor, START + HOUR)
    assert f"trade {trade.pk}, fee" in result(account).difference
    trade.fee -= 1
    trade.save()
    a_round(auditor, START + 2 * HOUR)
    assert result(account).differences == 0


def test_what_is_found_while_rows_are_corrected_does_not_count() -> None:
    account, auditor = a_busy_account(), Auditor()
    a_round(auditor, START)
    check = auditing.AccountCheck(account.pk)
    check.step()
    edits = result(account).edits
    Trade.objects.order_by("pk")[0].save()
    auditing._record(check, edits, START + HOUR)
    assert (result(account).trade_id, result(account).checked_at) == (0, START)


def test_what_was_carried_wrongly_is_not_told_but_recomputed(caplog: pytest.LogCaptureFixture) -> None:
    account, auditor = a_busy_account(), Auditor()
    a_round(auditor, START)
    row = result(account)
    row.carried["cash"] = "1"
    row.save()
    a_round(auditor, START + HOUR)
    assert (result(account).differences, errors(caplog)) == (0, [])
    assert Decimal(result(account).carried["cash"]) == Account.objects.get(pk=account.pk).cash


def test_an_account_that_trades_much_is_compared_in_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    account = a_busy_account()
    monkeypatch.setattr(auditing, "STEP_S", 0.0)
    monkeypatch.setattr(auditing, "PAGE", 2)
    assert a_round(Auditor(), START) > 5
    assert result(account).differences == 0


def test_no_round_where_it_is_turned_off(settings: Any) -> None:
    settings.HYPERORU_RECONCILE_EVERY_S = 0
    account = an_account()
    with CaptureQueriesContext(connection) as queries:
        Auditor().step(START)
    assert len(queries) == 0
    assert not Reconciliation.objects.filter(pk=account.pk).exists()
    assert summary() == {"ok": None, "differences": 0, "checked_at": None}


@pytest.fixture
def engine() -> Iterator[Engine]:
    desk = Desk(Board(), lambda: START)
    yield Engine(desk, lambda: START)
    desk.close()


def test_only_the_engine_that_leads_compares(engine: Engine) -> None:
    account = an_account()
    second = Engine(engine.desk, lambda: START)
    engine.step(START)
    second.step(START)
    engine.step(START + timedelta(seconds=0.5))
    assert result(account).checked_at in (START, START + timedelta(seconds=0.5))
    assert auditing._auditors.get(second) is None


def test_the_ready_page_and_the_admin_tell_it() -> None:
    account = a_busy_account()
    ready = Client().get("/readyz")
    assert ready.json()["reconciliation"] == {"ok": None, "differences": 0, "checked_at": None}
    Position.objects.update(realized_pnl=7)
    a_round(Auditor(), START)
    ready = Client().get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["reconciliation"] == {"ok": False, "differences": 1, "checked_at": "2026-04-09T12:00:00Z"}
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("boss"))
    page = browser.get("/admin/trading/reconciliation/?result=differs").content.decode()
    assert "realized_pnl: expected" in page
    assert "realized_pnl" not in browser.get("/admin/trading/reconciliation/?result=agrees").content.decode()
    assert browser.get(f"/admin/trading/reconciliation/{account.pk}/change/").status_code == 200
    assert browser.post(f"/admin/trading/reconciliation/{account.pk}/delete/").status_code == 403
    json.dumps(ready.json())
