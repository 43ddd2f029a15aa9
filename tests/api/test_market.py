"""The manual market over REST."""

from typing import Any

import pytest
from django.test import Client

from tests.builders import a_token, a_user, an_account, an_order, done, execute
from trading.domain.errors import OrderRejected
from trading.market.board import board
from trading.models import MarketPrice, Trade

pytestmark = pytest.mark.django_db(transaction=True)


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}


@pytest.fixture
def staff_token(db: None) -> str:
    return a_token(a_user(is_staff=True))


def put(body: object, token: str, symbol: str = "BTC") -> Any:
    return Client().put(f"/api/market/{symbol}/", body, content_type="application/json", headers=headers(token))


def test_staff_set_a_mark(staff_token: str) -> None:
    response = put({"mark": 68500.5}, staff_token)
    assert (response.status_code, response.json()["mark"]) == (200, 68500.5)
    assert str(board.quotes["BTC"].mark) == "68500.5"
    assert str(MarketPrice.objects.get(pk="BTC").mark) == "68500.500000"
    assert Client().get("/api/market/BTC/", headers=headers(staff_token)).json()["mark"] == 68500.5


def test_staff_set_a_book(staff_token: str) -> None:
    body = {"mark": "68500", "oracle": 68490, "bids": [[68499, 1], [68498, "2"]], "asks": [["68501", 0.5]]}
    response = put(body, staff_token)
    assert response.status_code == 200
    assert response.json()["bids"] == [[68499, 1], [68498, 2]]
    book = board.quotes["BTC"].book
    assert book is not None
    assert book.mid == 68500


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "mark"),
        ({"mark": 0}, "mark"),
        ({"mark": -1}, "mark"),
        ({"mark": True}, "mark"),
        ({"mark": None}, "mark"),
        ({"mark": "NaN"}, "mark"),
        ({"mark": "Infinity"}, "mark"),
        ({"mark": "1e999"}, "mark"),
        ({"mark": "abc"}, "mark"),
        ({"mark": [1]}, "mark"),
        ({"mark": 68500.55}, "mark"),
        ({"mark": 1, "oracle": 0}, "oracle"),
        ({"mark": 1, "bids": [[1]]}, "bids"),
        ({"mark": 1, "bids": [[1, 0]]}, "bids"),
        ({"mark": 1, "bids": [[1, 1], [2, 1]]}, "bids"),
        ({"mark": 1, "asks": [[2, 1], [1, 1]]}, "asks"),
        ({"mark": 1, "asks": [[1, "0.0000001"]]}, "asks"),
        ({"mark": 1, "bids": [[2, 1]], "asks": [[1, 1]]}, "bids"),
        ({"mark": 1, "marc": 2}, "marc"),
        ([1], "non_field_errors"),
        (7, "non_field_errors"),
    ],
)
def test_a_bad_price_is_told_at_its_field_and_changes_nothing(body: object, field: str, staff_token: str) -> None:
    response = put(body, staff_token)
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert not MarketPrice.objects.exists()


def test_an_unknown_symbol_is_not_found(staff_token: str) -> None:
    assert put({"mark": 1}, staff_token, "DOGE").status_code == 404
    assert Client().get("/api/market/DOGE/", headers=headers(staff_token)).status_code == 404


def test_prices_of_another_market_are_not_set_by_hand(staff_token: str, settings: Any) -> None:
    settings.HYPERORU_MARKET = "replay"
    response = put({"mark": 1}, staff_token)
    assert response.status_code == 409
    assert "HYPERORU_MARKET=manual" in response.json()["detail"]


@pytest.mark.parametrize(
    ("staff", "scope", "status"), [(False, "trade", 403), (True, "read", 403), (True, "trade", 200)]
)
def test_who_may_set_prices(staff: bool, scope: str, status: int, db: None) -> None:
    token = a_token(a_user(is_staff=staff), scope)
    assert put({"mark": 1}, token).status_code == status
    assert MarketPrice.objects.exists() == (status == 200)
    assert Client().get("/api/market/", headers=headers(token)).status_code == 200


def test_strangers_are_turned_away(db: None) -> None:
    assert Client().get("/api/market/").status_code == 401
    assert put({"mark": 1}, "nonsense").status_code == 401
    assert Client().get("/api/market/", headers={"Authorization": "Token"}).status_code == 401


def test_a_browser_needs_its_csrf_token(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(a_user(is_staff=True))
    response = browser.put("/api/market/BTC/", {"mark": 1}, content_type="application/json")
    assert response.status_code == 403
    assert not MarketPrice.objects.exists()


def test_all_instruments_are_listed_with_or_without_a_price(staff_token: str) -> None:
    put({"mark": 68500}, staff_token)
    listed = Client().get("/api/market/", headers={"Authorization": f"Bearer {staff_token}"}).json()
    assert [(price["symbol"], price["mark"]) for price in listed] == [("BTC", 68500.0), ("ETH", None)]


def test_health(db: None) -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["engine"]) == (200, False)


def test_a_price_that_was_there_for_a_moment_has_filled_what_it_reached(staff_token: str) -> None:
    account = an_account()
    put({"mark": 68500}, staff_token)
    done(account, an_order(price="67000"))
    put({"mark": 66000}, staff_token)
    put({"mark": 68500}, staff_token)
    trade = Trade.objects.get()
    assert (trade.price, trade.liquidity) == (67_000, "maker")


def test_the_same_book_put_again_stands_again(staff_token: str) -> None:
    account = an_account(capital="1000000")
    book = {"mark": 68500, "asks": [[68501, 1]], "bids": []}
    for _ in range(2):
        put(book, staff_token)
        assert done(account, an_order("1")).orders[0].status == "filled"
        [refused] = execute(account, an_order("1"))
        assert isinstance(refused, OrderRejected)
        assert refused.reason == "market_order_no_liquidity_rejected"


def test_a_mark_beyond_all_reason_is_refused(staff_token: str) -> None:
    assert put({"mark": 1000000001}, staff_token).status_code == 400
