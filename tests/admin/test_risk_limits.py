"""The page of an account's risk limits."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from accounts.models import Account, AuditEntry
from tests.builders import an_account, an_order, done, set_price
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action
from trading.domain.limits import DEFAULT_LIMITS
from trading.models import ModelDecision, RiskLimits
from trading.storage.earlier import risk_limits

pytestmark = pytest.mark.django_db
ADD = "/admin/trading/risklimits/add/"


@pytest.fixture
def browser(db: None) -> Client:
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("boss"))
    return browser


@pytest.fixture
def account(db: None) -> Account:
    set_price()
    return an_account()


def filled_in(browser: Client, url: str, **changes: Any) -> dict[str, Any]:
    """Return what the form would send as it was opened, with changes."""
    form = browser.get(url).context["adminform"].form
    found = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**found, **changes}.items() if value is not None and value is not False}


def test_a_new_row_begins_with_the_defaults(browser: Client, account: Account) -> None:
    response = browser.post(ADD, filled_in(browser, ADD, account=account.pk))
    assert response.status_code == 302, response.context["adminform"].form.errors
    assert risk_limits([account.pk]) == {account.pk: DEFAULT_LIMITS}
    assert risk_limits([account.pk + 1]) == {}
    assert browser.get("/admin/trading/risklimits/?q=Account").status_code == 200


def test_a_change_holds_for_the_next_decision_and_is_in_the_audit_trail(browser: Client, account: Account) -> None:
    decision = SubmitDecision("m", "BTC", Action.BUY, "so", order=an_order("0.001"))
    done(account, decision)
    RiskLimits.objects.create(account=account, orders_per_hour=60)
    url = f"/admin/trading/risklimits/{account.pk}/change/"
    response = browser.post(url, filled_in(browser, url, orders_per_hour=1, risk_pct="0.5"))
    assert response.status_code == 302, response.context["adminform"].form.errors
    entry = AuditEntry.objects.get(action="change_risklimits")
    assert (entry.actor_name, entry.target) == ("boss", f"risklimits:{account.pk}")
    assert entry.detail["orders_per_hour"] == {"from": "60", "to": "1"}
    assert entry.detail["risk_pct"]["to"] == "0.5"
    done(account, decision)
    assert ModelDecision.objects.latest("id").outcome.startswith("refused, risk_orders_per_hour: ")
    assert RiskLimits.objects.get().risk_pct == Decimal("0.5")


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("risk_pct", "0", "Must be greater than 0; leave it empty for no such limit."),
        ("risk_pct", "100.1", "Is in percent: must be at most 100; leave it empty for no such limit."),
        ("gross_exposure", "-1", "Must be greater than 0; leave it empty for no such limit."),
        ("max_leverage", "0", "Must be greater than 0; leave it empty for no such limit."),
        ("min_reward_risk", "0.00001", "Ensure that there are no more than 4 decimal places."),
        ("max_drift_pct", "two", "Enter a number."),
        ("cooldown_s", "-1", "Ensure this value is greater than or equal to 0."),
    ],
)
def test_what_can_be_no_limit_is_told_at_its_field(
    browser: Client, account: Account, field: str, value: str, told: str
) -> None:
    response = browser.post(ADD, filled_in(browser, ADD, account=account.pk, **{field: value}))
    assert response.status_code == 200
    assert response.context["adminform"].form.errors == {field: [told]}
    assert not RiskLimits.objects.exists()


def test_a_deleted_row_leaves_the_defaults_and_is_audited(browser: Client, account: Account) -> None:
    RiskLimits.objects.create(account=account)
    response = browser.post(f"/admin/trading/risklimits/{account.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert AuditEntry.objects.filter(action="delete_risklimits").exists()
    assert risk_limits([account.pk]) == {}
