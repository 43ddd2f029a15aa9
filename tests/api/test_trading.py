"""Decisions and orders over REST: what the socket takes, and its errors."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, Role
from tests.builders import a_token, a_user, access, an_account, set_price
from trading.desk import desk
from trading.models import ModelDecision, Order, RiskLimits, Trade

pytestmark = pytest.mark.django_db(transaction=True)
SAID = {"symbol": "BTC", "decision": "buy", "reasoning": "It fell.", "client_decision_id": "d"}
ORDER = {"symbol": "BTC", "side": "buy", "size": "0.01", "order_type": "market", "client_order_id": "o"}


@pytest.fixture
def account(transactional_db: None) -> Iterator[Account]:
    set_price("BTC", "68500")
    yield an_account()
    desk.close()


def post(account: Account, what: str, body: object, token: str | None = None, raw: bytes | None = None) -> Any:
    headers = {} if token == "" else {"Authorization": f"Token {token or a_token(account.owner)}"}
    content = {"data": raw if raw is not None else body, "content_type": "application/json"}
    return Client().post(f"/api/accounts/{account.pk}/{what}/", headers=headers, **content)


def test_a_decision_and_the_order_that_follows_once_each(account: Account) -> None:
    first, again = (post(account, "decisions", SAID) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    name = first.json()["decision_id"]
    assert first.json() == {"decision_id": name, "client_decision_id": "d", "duplicate": False}
    assert again.json() == {**first.json(), "duplicate": True}
    placed, retried = (post(account, "orders", {**ORDER, "decision_id": name}) for _ in range(2))
    assert (placed.status_code, retried.status_code) == (201, 200)
    assert placed["Content-Type"] == "application/json"
    assert (placed.json()["status"], placed.json()["filled_size"]) == ("filled", 0.01)
    assert retried.json() == {**placed.json(), "duplicate": True}
    assert (ModelDecision.objects.count(), Order.objects.count(), Trade.objects.count()) == (1, 1, 1)
    assert ModelDecision.objects.get().outcome.startswith("buy 0.01 filled at ")


@pytest.mark.parametrize(
    ("what", "body", "status", "code", "reason"),
    [
        ("decisions", {**SAID, "decision": "wait"}, 400, "bad_request", None),
        ("decisions", {**SAID, "account_id": 1}, 400, "bad_request", None),
        ("decisions", {**SAID, "nonsense": 1}, 400, "bad_request", None),
        ("decisions", [1], 400, "bad_request", None),
        ("decisions", {**SAID, "symbol": "DOGE"}, 422, "unknown_symbol", None),
        ("decisions", {**SAID, "client_decision_id": "taken"}, 409, "duplicate_client_decision_id", None),
        ("orders", {**ORDER, "size": 0}, 400, "bad_request", None),
        ("orders", {**ORDER, "decision_id": "dec-999"}, 404, "not_found", None),
        ("orders", {**ORDER, "decision_id": "dec-{}"}, 422, "order_rejected", "risk_leverage"),
        ("orders", {**ORDER, "decision_id": "dec-{}", "side": "sell"}, 422, "order_rejected", "decision_mismatch"),
        ("orders", {**ORDER, "size": "100"}, 422, "insufficient_margin", "perp_margin_rejected"),
        ("orders", {**ORDER, "symbol": "ETH"}, 503, "market_unavailable", None),
    ],
)
def test_errors_are_those_of_the_socket(
    account: Account, what: str, body: Any, status: int, code: str, reason: str | None
) -> None:
    RiskLimits.objects.create(account=account, max_leverage=5)
    taken = post(account, "decisions", {**SAID, "reasoning": "Other.", "client_decision_id": "taken"}).json()
    if isinstance(body, dict) and "{}" in body.get("decision_id", ""):
        body = {**body, "decision_id": taken["decision_id"]}
    response = post(account, what, body)
    told = response.json()
    assert (response.status_code, told["code"], told.get("reason")) == (status, code, reason), told
    assert told["in_reply_to"] == {"decisions": "submit_decision", "orders": "place_order"}[what]
    assert set(told) - {"reason"} == {"code", "message", "in_reply_to", "fields", "retry_after_ms"}
    assert Order.objects.count() == 0
    assert ModelDecision.objects.count() == 1


def test_a_body_that_is_no_json_or_too_long_is_refused(account: Account, settings: Any) -> None:
    assert post(account, "orders", None, raw=b"{nonsense").json()["code"] == "bad_json"
    assert post(account, "orders", None, raw=b"\xff\xfe").json()["code"] == "bad_json"
    assert post(account, "orders", None, raw=b'{"a":' * 5_000).json()["code"] == "bad_json"
    settings.HYPERORU_MAX_FRAME_BYTES = 100
    assert post(account, "decisions", {**SAID, "reasoning": "x" * 100}).json()["code"] == "bad_request"


def test_only_who_may_trade_on_the_account_does(account: Account) -> None:
    stranger, viewer = a_user(), a_user()
    access(account, viewer, Role.VIEWER)
    for token, status, code in (
        ("", 401, "unauthorized"),
        ("nonsense", 401, "unauthorized"),
        (a_token(account.owner, lifetime=timedelta(microseconds=1)), 401, "unauthorized"),
        (a_token(stranger), 404, "not_found"),
        (a_token(viewer), 403, "forbidden"),
        (a_token(account.owner, scope="read"), 403, "forbidden"),
    ):
        for what, body in (("decisions", SAID), ("orders", ORDER)):
            response = post(account, what, body, token)
            assert (response.status_code, response.json()["code"]) == (status, code)
    assert ModelDecision.objects.count() == Order.objects.count() == 0


def test_a_logged_in_browser_trades_by_the_socket_alone(account: Account) -> None:
    browser = Client()
    browser.force_login(account.owner)
    response = browser.post(f"/api/accounts/{account.pk}/orders/", ORDER, content_type="application/json")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Token")


def test_too_many_are_told_when_to_come_again(account: Account, settings: Any) -> None:
    settings.HYPERORU_ORDERS_BURST, settings.HYPERORU_ORDERS_PER_S = 1, 0.1
    token = a_token(account.owner)
    post(account, "decisions", SAID, token)
    response = post(account, "orders", ORDER, token)
    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert 0 < int(response["Retry-After"]) <= 10
