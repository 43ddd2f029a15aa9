"""What a model can't use is refused where it is typed."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from accounts.models import Account, AuditEntry
from tests.admin.test_risk_limits import filled_in
from tests.builders import an_account, set_price

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(db: None) -> Client:
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("boss"))
    return browser


@pytest.fixture
def account(db: None) -> Account:
    set_price()
    return an_account()


def sent(browser: Client, account: Account, **changes: Any) -> Any:
    url = f"/admin/accounts/account/{account.pk}/change/"
    values = filled_in(browser, url, **changes)
    response = browser.post(url, values)
    account.refresh_from_db()
    return response


LLM = '"prompt_price": 0, "completion_price": 0'


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("ema_macd", '{"fast": 5, "slow": 13, "risk_pct": "0.5"}'),
        ("random", "{}"),
        ("random", ""),
        ("random", "null"),
        ("llm", f"{{{LLM}}}"),
        ("my-bot", "{}"),
    ],
)
def test_settings_that_a_model_can_use_are_stored(browser: Client, account: Account, model: str, settings: str) -> None:
    response = sent(browser, account, model=model, model_settings=settings)
    assert response.status_code == 302, response.context["adminform"].form.errors
    assert account.model == model
    assert isinstance(account.model_settings, dict)


@pytest.mark.parametrize(
    ("model", "settings", "told"),
    [
        ("ema_macd", '{"fast": 30, "slow": 9}', "The settings must keep"),
        ("ema_macd", '{"quick": 5}', "There is no setting &#x27;quick&#x27;; choose from symbols"),
        ("ema_macd", '{"fast": "nine"}', "The setting &#x27;fast&#x27; must be a whole number"),
        ("ema_macd", '["fast"]', "The settings must be a JSON object."),
        ("ema_macd", "{fast: 9}", "Enter a valid JSON."),
        ("random", '{"stop_atr": 1e400}', "The setting &#x27;stop_atr&#x27; must be"),
        ("random", '{"symbols": ["BTCUSDT"]}', "There is no market BTCUSDT; choose from BTC"),
        ("llm", "{}", "The setting &#x27;prompt_price&#x27; must be given"),
        ("llm", f'{{{LLM}, "api_key": "sk-0123456789"}}', "There is no setting &#x27;api_key&#x27;"),
        ("my-bot", '{"api_key": "sk-0123456789"}', "There is no model &#x27;my-bot&#x27; here that has settings"),
        ("ema_mcad", '{"fast": 9}', "There is no model &#x27;ema_mcad&#x27; here that has settings"),
    ],
)
def test_settings_that_a_model_can_not_use_are_refused(
    browser: Client, account: Account, model: str, settings: str, told: str
) -> None:
    response = sent(browser, account, model=model, model_settings=settings)
    assert response.status_code == 200
    assert told in str(response.context["adminform"].form.errors["model_settings"])
    assert (account.model, account.model_settings) == ("", {})
    assert not AuditEntry.objects.filter(action="change_account").exists()


def test_an_account_can_be_frozen_whatever_settings_it_has_from_before(browser: Client, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(model="ema_macd", model_settings={"quick": 5})
    response = sent(browser, account, status="frozen")
    assert response.status_code == 302, response.context["adminform"].form.errors
    assert (account.status, account.model_settings) == ("frozen", {"quick": 5})


def test_a_new_account_is_held_to_it_too(browser: Client, account: Account) -> None:
    url = "/admin/accounts/account/add/"
    values = {"owner": account.owner_id, "name": "new", "starting_capital": "10000", "status": "active"}
    values |= {"model": "random", "model_settings": '{"seed": "x"}'}
    response = browser.post(url, values)
    assert "The setting &#x27;seed&#x27;" in str(response.context["adminform"].form.errors["model_settings"])
    assert browser.post(url, values | {"model_settings": '{"seed": 5}'}).status_code == 302
    assert Account.objects.get(name="new").model_settings == {"seed": 5}
