"""The exchange's pages in the admin."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.forms import Select
from django.test import Client

from accounts.models import Account, AuditEntry
from realtime.models import Event
from tests.builders import an_account, an_order, execute, set_price
from trading.domain.commands import RecordEquity, SubmitDecision
from trading.domain.enums import Action
from trading.models import Instrument, ModelDecision, Order, Position, Trade

pytestmark = pytest.mark.django_db
PAGES = ["order", "trade", "position", "modeldecision", "equitypoint", "instrument", "marketprice", "enginelease"]
PAGES += ["reconciliation", "modelschedule", "modelpause", "modelrun"]


@pytest.fixture
def browser(db: None) -> Client:
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("boss"))
    return browser


@pytest.fixture
def account(db: None) -> Account:
    set_price()
    account = an_account()
    decision = SubmitDecision("rsi", "BTC", Action.BUY, "RSI oversold at 28", order=an_order())
    execute(account, decision, an_order(price="60000"), RecordEquity())
    return account


@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_and_searches(page: str, browser: Client, account: Account) -> None:
    assert browser.get(f"/admin/trading/{page}/").status_code == 200
    assert browser.get(f"/admin/trading/{page}/?q=1").status_code == 200


def test_a_list_costs_the_same_however_long_it_is(
    browser: Client, account: Account, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    execute(account, *[an_order("0.001") for _ in range(30)])
    for page in ("order", "trade", "position", "modeldecision", "equitypoint"):
        with django_assert_max_num_queries(10):
            browser.get(f"/admin/trading/{page}/")


def test_a_form_offers_no_list_of_what_grows(browser: Client, account: Account) -> None:
    """The form of an order with a million others opened in minutes, if at all."""
    pages = {"order": Order, "trade": Trade, "position": Position, "modeldecision": ModelDecision}
    for page, model in pages.items():
        pk = model._default_manager.latest("pk").pk
        fields = browser.get(f"/admin/trading/{page}/{pk}/change/").context["adminform"].form.fields
        offered = {field.queryset.model for field in fields.values() if hasattr(field, "queryset")
                   and hasattr(field.widget, "widget") and isinstance(field.widget.widget, Select)}  # fmt: skip
        assert offered <= {Instrument}, page


def saved(browser: Client, page: str, row: Any, **changes: object) -> None:
    """Change a row through its form, as one does by hand."""
    url = f"/admin/trading/{page}/{row.pk}/change/"
    form = browser.get(url).context["adminform"].form
    values = {name: "" if (value := form[name].value()) is None else value for name in form.fields}
    for name in [name for name in values if name.endswith("_at") and getattr(row, name) is not None]:
        moment = getattr(row, name)
        values |= {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"} if moment else {}
    response = browser.post(url, values | changes)
    assert response.status_code == 302, response.context["adminform"].form.errors


def test_a_position_saved_here_is_told(browser: Client, account: Account) -> None:
    before = Event.objects.filter(stream__channel="positions").count()
    saved(browser, "position", Position.objects.get(), leverage=20)
    assert Position.objects.get().leverage == 20
    assert Event.objects.filter(stream__channel="positions").count() == before + 1
    assert '"leverage":20' in Event.objects.filter(stream__channel="positions").latest("seq").frame


def test_a_correction_is_in_the_audit_trail(browser: Client, account: Account) -> None:
    row = Position.objects.get()
    saved(browser, "position", row, leverage=20)
    entry = AuditEntry.objects.get(action="change_position")
    assert (entry.actor_name, entry.target) == ("boss", f"position:{row.pk}")
    assert entry.detail["leverage"] == {"from": "10", "to": "20"}
    assert "size" not in entry.detail


def test_what_an_instruments_numbers_are_exact_by_stays(browser: Client, account: Account) -> None:
    form = browser.get("/admin/trading/instrument/BTC/change/").context["adminform"].form
    assert not {"symbol", "size_decimals"} & set(form.fields)
    values = {name: form[name].value() for name in form.fields}
    told = values | {"default_leverage": 5, "size_decimals": 3}
    assert browser.post("/admin/trading/instrument/BTC/change/", told).status_code == 302
    instrument = Instrument.objects.get(pk="BTC")
    assert (instrument.default_leverage, instrument.size_decimals) == (5, 5)
    assert AuditEntry.objects.get(action="change_instrument").detail == {"default_leverage": {"from": "10", "to": "5"}}
    assert browser.post("/admin/trading/instrument/BTC/delete/", {"post": "yes"}).status_code == 403


def test_a_decision_saved_here_is_told(browser: Client, account: Account) -> None:
    saved(browser, "modeldecision", ModelDecision.objects.get(), reasoning="Said better")
    event = Event.objects.filter(stream__channel="model_chat").latest("seq")
    assert event.seq == 2
    assert "Said better" in event.frame


def test_what_the_database_forbids_is_told_in_the_form(browser: Client, account: Account) -> None:
    row = Position.objects.get()
    url = f"/admin/trading/position/{row.pk}/change/"
    form = browser.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    values |= {"updated_at_0": "2026-04-09", "updated_at_1": "12:00:00"}
    for change in ({"size": "-1"}, {"size": "0"}, {"leverage": "0"}, {"entry_notional": "1.1234567"}):
        response = browser.post(url, values | change)
        assert response.status_code == 200, change
        assert response.context["adminform"].form.errors
    row.refresh_from_db()
    assert row.leverage == 10


def test_records_are_not_deleted_here(browser: Client, account: Account) -> None:
    row = Position.objects.get()
    assert browser.post(f"/admin/trading/position/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Position.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    "tiers", ['[["x"]]', "[]", "{}", "[[1, 40]]", "[[0, 20], [5, 40]]", "[[0, 0]]", "[[0, 40], [0, 20]]", "7"]
)
def test_tiers_that_the_exchange_could_not_work_with_are_refused(tiers: str, browser: Client) -> None:
    url = "/admin/trading/instrument/BTC/change/"
    form = browser.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    response = browser.post(url, values | {"margin_tiers": tiers})
    assert response.status_code == 200
    assert "margin_tiers" in response.context["adminform"].form.errors


def test_a_leverage_beyond_the_first_tier_is_refused(browser: Client) -> None:
    url = "/admin/trading/instrument/BTC/change/"
    form = browser.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    response = browser.post(url, values | {"default_leverage": 41})
    assert "default_leverage" in response.context["adminform"].form.errors
    assert browser.post(url, values | {"default_leverage": 40}).status_code == 302


def test_a_form_writes_only_what_was_edited(browser: Client, account: Account) -> None:
    row = Position.objects.get()
    url = f"/admin/trading/position/{row.pk}/change/"
    page = browser.get(url).content.decode()
    posted = dict(re.findall(r'<input[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"', page))
    posted = {name: value for name, value in posted.items() if not name.startswith("_")}
    posted |= {name: str(getattr(row, name)) for name in ("side", "margin_mode")}
    posted |= {f"initial-{name}": posted[name] for name in ("side", "margin_mode")}
    posted |= {"account": str(row.account_id), "initial-account": str(row.account_id)}
    posted |= {"instrument": "BTC", "initial-instrument": "BTC", "leverage": "20"}
    execute(account, an_order("0.01"))  # the exchange trades on while the form is open
    size = Position.objects.get().size
    assert size != row.size
    assert browser.post(url, posted).status_code == 302
    row.refresh_from_db()
    assert (row.leverage, row.size) == (20, size)
    assert f'"size":{size.normalize()}' in Event.objects.filter(stream__channel="positions").latest("seq").frame
