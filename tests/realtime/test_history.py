"""Reading what was, over the socket: pages without holes or repeats, of what one may see."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import Account, LedgerEntry
from accounts.models.ledger import Kind
from realtime.orm import in_orm
from tests.builders import a_token, a_user, access, an_account, an_order, done, set_price
from tests.desk.given import queries
from tests.serving import Client, Server, client
from trading import history
from trading.domain.commands import CancelAllOrders, SubmitDecision
from trading.domain.enums import Action
from trading.models import Candle, FundingRate, Order

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = {"get_trades": "trades", "get_orders": "orders", "get_decisions": "decisions"}


@pytest.fixture
def account(transactional_db: None) -> Account:
    set_price("BTC", "68500")
    return an_account()


async def pages(socket: Client, kind: str, rows: str, **data: Any) -> list[dict[str, Any]]:
    """Read a list to its end, two rows at a time."""
    found: list[dict[str, Any]] = []
    while True:
        reply = (await socket.request(kind, **data, limit=2))["data"]
        found += reply[rows]
        if reply["next_cursor"] is None:
            return found
        data = {**data, "cursor": reply["next_cursor"]}
        assert len(reply[rows]) == 2


def decided(action: Action = Action.HOLD, **values: Any) -> SubmitDecision:
    return SubmitDecision("rsi", "BTC", action, "So.", **values)


async def test_pages_have_neither_holes_nor_repeats_whatever_happens_meanwhile(
    server: Server, account: Account
) -> None:
    for _ in range(5):
        await in_orm(done, account, an_order())
        await in_orm(done, account, decided())
    async with client(server, await in_orm(a_token, account.owner)) as socket:
        for kind, rows in LISTS.items():
            key = {"trades": "trade_id", "orders": "order_id", "decisions": "decision_id"}[rows]
            first = (await socket.request(kind, limit=2))["data"]
            await in_orm(done, account, an_order())
            await in_orm(done, account, decided())
            rest = await pages(socket, kind, rows, cursor=first["next_cursor"])
            ids = [row[key] for row in first[rows] + rest]
            assert len(set(ids)) == len(ids)
            fresh = await pages(socket, kind, rows)
            assert [row[key] for row in fresh][1:] == ids


async def test_rows_are_those_of_the_events(server: Server, account: Account) -> None:
    async with client(server, await in_orm(a_token, account.owner)) as socket:
        await socket.request("subscribe", channels=["trades", "orders", "model_chat"])
        await in_orm(done, account, decided(Action.BUY, order=an_order()))
        decision = await socket.event("model_chat_update")
        trade = await socket.event("trade_update")
        filled = await socket.event("order_update", lambda frame: frame["data"]["status"] == "filled")

        assert (await socket.request("get_trades"))["data"]["trades"] == [trade["data"]]
        assert (await socket.request("get_orders"))["data"]["orders"] == [filled["data"]]
        assert (await socket.request("get_decisions"))["data"]["decisions"] == [decision["data"]]
        assert decision["data"]["order_id"] == trade["data"]["order_id"]


async def test_one_sees_ones_own_and_what_is_shared_and_nothing_else(server: Server, account: Account) -> None:
    second, shared = await in_orm(an_account, account.owner), await in_orm(an_account)
    stranger = await in_orm(an_account)
    await in_orm(access, shared, account.owner, "viewer")
    for each in (account, second, shared, stranger):
        await in_orm(done, each, an_order())
        await in_orm(done, each, decided())
    async with client(server, await in_orm(a_token, account.owner, "read")) as socket:
        for kind, rows in LISTS.items():
            reply = await socket.request(kind, all_accounts=True)
            found = [row["account_id"] for row in reply["data"][rows]]
            assert found == [shared.pk, second.pk, account.pk]
            assert (await socket.request(kind, account_id=shared.pk))["data"][rows][0]["account_id"] == shared.pk
        for kind in (*LISTS, "get_ledger", "get_funding"):
            refused = await socket.request(kind, account_id=stranger.pk)
            assert (refused["type"], refused["data"]["code"]) == ("error", "not_found")
        both = await socket.request("get_trades", all_accounts=True, account_id=account.pk)
        assert both["data"]["code"] == "bad_request"
        assert both["data"]["fields"][0]["path"] == "all_accounts"
        for wrong in ({"cursor": "x"}, {"cursor": "1" * 19}, {"limit": 0}, {"limit": 201}):
            assert (await socket.request("get_trades", **wrong))["data"]["code"] == "bad_request"


async def test_filters(server: Server, account: Account) -> None:
    set_price("ETH", "2500")
    await in_orm(done, account, an_order())
    await in_orm(done, account, an_order("0.1", symbol="ETH"))
    await in_orm(done, account, an_order(price="60000"))
    await in_orm(done, account, CancelAllOrders())
    await in_orm(done, account, an_order(price="60000"))
    await in_orm(done, account, decided(Action.SELL))
    await in_orm(done, account, decided())
    partly = await in_orm(Order.objects.filter(status="open").get)
    async with client(server, await in_orm(a_token, account.owner)) as socket:

        async def statuses(*wanted: str) -> list[str]:
            reply = await socket.request("get_orders", status=list(wanted))
            return [row["status"] for row in reply["data"]["orders"]]

        trades = (await socket.request("get_trades", symbol="ETH"))["data"]["trades"]
        assert [row["symbol"] for row in trades] == ["ETH"]
        assert (await socket.request("get_trades", symbol="DOGE"))["data"]["trades"] == []
        assert await statuses("open") == ["open"]
        assert await statuses("canceled", "open") == ["open", "canceled"]
        assert await statuses("filled") == ["filled", "filled"]
        assert await statuses("partially_filled") == []
        await in_orm(lambda: Order.objects.filter(pk=partly.pk).update(filled_size=Decimal("0.004")))
        assert await statuses("partially_filled") == ["partially_filled"]
        assert await statuses("open") == []
        sold = (await socket.request("get_decisions", decision="sell"))["data"]["decisions"]
        assert [row["decision"] for row in sold] == ["sell"]


async def test_the_ledger_and_the_funding_in_it(server: Server, account: Account) -> None:
    hour = datetime(2026, 11, 24, 2, tzinfo=UTC)

    def settle() -> None:
        FundingRate.objects.create(
            instrument_id="BTC", hour=hour, premium=0, rate=Decimal("0.0001"), oracle=Decimal(68_000), samples=720
        )
        LedgerEntry.objects.create(
            account=account,
            kind=Kind.FUNDING,
            amount=Decimal("-3.4"),
            balance=Decimal("9996.6"),
            reason="BTC 2026-11-24 02:00 at 0.0001 of 68000",
            key="funding:BTC:2026-11-24T02",
            created_at=timezone.now(),
        )

    await in_orm(settle)
    async with client(server, await in_orm(a_token, account.owner)) as socket:
        entries = await pages(socket, "get_ledger", "entries")
        assert [(row["kind"], row["amount"], row["symbol"]) for row in entries] == [
            ("funding", -3.4, "BTC"),
            ("deposit", 10_000.0, None),
        ]
        assert (entries[0]["balance_after"], entries[0]["note"][:3]) == (9996.6, "BTC")
        only = (await socket.request("get_ledger", kind="deposit"))["data"]["entries"]
        assert [row["kind"] for row in only] == ["deposit"]
        reply = (await socket.request("get_funding", symbol="BTC"))["data"]
        assert reply["next_cursor"] is None
        assert reply["payments"] == [
            {
                "symbol": "BTC",
                "side": "long",
                "size": 0.5,
                "rate": 0.0001,
                "price": 68_000.0,
                "amount": -3.4,
                "timestamp": "2026-11-24T02:00:00Z",
            }
        ]
        assert (await socket.request("get_funding", symbol="ETH"))["data"]["payments"] == []


async def test_instruments_with_their_rules_and_where_they_stand(server: Server, account: Account) -> None:
    async with client(server, await in_orm(a_token, account.owner)) as socket:
        rows = (await socket.request("get_instruments"))["data"]["instruments"]
        found = {row["symbol"]: row for row in rows}
        assert sorted(found) == [row["symbol"] for row in rows]
        bitcoin = found["BTC"]
        assert (bitcoin["size_decimals"], bitcoin["price_decimals"], bitcoin["significant_figures"]) == (5, 1, 5)
        assert (bitcoin["mark_price"], bitcoin["stale"], bitcoin["taker_fee_rate"]) == (68_500.0, False, 0.00045)
        assert bitcoin["change_24h_pct"] is None
        hour = (timezone.now() - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(68_000))
        await in_orm(lambda: Candle.objects.create(instrument_id="BTC", interval="1h", opened_at=hour, **prices))
        [again] = [
            row for row in (await socket.request("get_instruments"))["data"]["instruments"] if row["symbol"] == "BTC"
        ]
        assert again["change_24h_pct"] == 0.7353
        assert (found["ETH"]["mark_price"], found["ETH"]["stale"]) == (None, True)


async def test_users_are_told_to_those_who_may_act_as_them(server: Server, account: Account) -> None:
    grace = await in_orm(a_user)
    token = await in_orm(a_token, account.owner)
    async with client(server, token) as socket:
        refused = await socket.request("get_users")
        assert refused["data"]["code"] == "forbidden"
        permission = await in_orm(lambda: Permission.objects.get(codename="act_as_user"))
        await in_orm(account.owner.user_permissions.add, permission)
        named = (await socket.request("get_users", search=account.owner.username))["data"]["users"]
        assert named == [{"id": account.owner.pk, "username": account.owner.username, "accounts": 1}]
        everyone = (await socket.request("get_users", limit=50))["data"]["users"]
        assert grace.pk in [row["id"] for row in everyone]
        await socket.request("switch_user", user_id=grace.pk)
        assert (await socket.request("get_trades"))["data"]["code"] == "not_found"
        assert (await socket.request("get_trades", all_accounts=True))["data"]["trades"] == []
        assert (await socket.request("get_users"))["type"] == "users"


async def test_what_no_database_can_hold_is_refused(server: Server, account: Account) -> None:
    permission = await in_orm(lambda: Permission.objects.get(codename="act_as_user"))
    await in_orm(account.owner.user_permissions.add, permission)
    async with client(server, await in_orm(a_token, account.owner)) as socket:
        for kind in (*LISTS, "get_funding"):
            refused = (await socket.request(kind, symbol="B\x00"))["data"]
            assert (refused["code"], [each["path"] for each in refused["fields"]]) == ("bad_request", ["symbol"])
        refused = (await socket.request("get_users", search="\x00"))["data"]
        assert (refused["code"], [each["path"] for each in refused["fields"]]) == ("bad_request", ["search"])


async def test_funding_whose_rate_is_not_kept_is_told_all_the_same(server: Server, account: Account) -> None:
    def settle() -> None:
        for key in ("funding:BTC:2026-11-24T02", None):  # the one without is no payment on a position
            LedgerEntry.objects.create(
                account=account,
                kind=Kind.FUNDING,
                amount=Decimal("3.4"),
                balance=Decimal(10_000),
                key=key,
                created_at=datetime(2026, 11, 24, 2, 0, 1, tzinfo=UTC),
            )

    await in_orm(settle)
    async with client(server, await in_orm(a_token, account.owner)) as socket:
        [found] = (await socket.request("get_funding"))["data"]["payments"]
        nothing = dict.fromkeys(("side", "size", "rate", "price"))
        assert found == {"symbol": "BTC", "amount": 3.4, "timestamp": "2026-11-24T02:00:00Z", **nothing}
        assert len((await socket.request("get_ledger", kind="funding"))["data"]["entries"]) == 2


def test_a_page_costs_two_queries_however_long_the_history_and_many_the_accounts(account: Account) -> None:
    others = [an_account(account.owner) for _ in range(3)]
    for each in (account, *others):
        done(each, an_order())
        done(each, decided())
    ids = [each.pk for each in (account, *others)]
    assert queries(lambda: history.trades(ids, symbol=None, before=None, limit=3)) == 2
    assert queries(lambda: history.trades(ids, symbol="BTC", before=None, limit=3)) == 2
    assert queries(lambda: history.orders(ids, symbol=None, statuses=["filled"], before=None, limit=3)) == 2
    assert queries(lambda: history.decisions(ids, symbol=None, decision="hold", before=None, limit=3)) == 3
    assert [row.account_id for row in history.trades(ids, symbol=None, before=None, limit=3).rows] == ids[:0:-1]
    assert history.trades([], symbol=None, before=None, limit=3).rows == []
