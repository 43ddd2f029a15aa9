"""Models outside: decisions over the socket, and orders that follow from them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account
from realtime.orm import in_orm
from tests.builders import a_token, an_account, set_price
from tests.serving import Server, client
from trading.models import ModelDecision, Order, RiskLimits, Trade

pytestmark = pytest.mark.django_db(transaction=True)
Data = dict[str, Any]


def a_world(**limits: Any) -> tuple[Account, str]:
    account = an_account()
    if limits:
        RiskLimits.objects.create(account=account, **limits)
    set_price("BTC", "68500")
    return account, a_token(account.owner)


def said(account: Account, **changes: Any) -> Data:
    return {"account_id": account.pk, "symbol": "BTC", "decision": "buy", "reasoning": "It fell.", **changes}


def ordered(account: Account, decision: str | None, **changes: Any) -> Data:
    order = {"account_id": account.pk, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
    return {**order, "decision_id": decision, **changes}


def rows() -> tuple[int, int, int]:
    return ModelDecision.objects.count(), Order.objects.count(), Trade.objects.count()


def outcome() -> str:
    return ModelDecision.objects.latest("id").outcome


async def test_a_decision_is_told_and_told_again_with_what_became_of_it(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        await socket.request("subscribe", channels=["model_chat", "trades", "orders"])
        reply = await socket.request("submit_decision", **said(account, confidence=0.12345678, client_decision_id="d"))
        assert reply["data"].keys() == {"decision_id", "client_decision_id", "duplicate"}
        name = reply["data"]["decision_id"]
        chat = (await socket.event("model_chat_update"))["data"]
        assert (chat["decision_id"], chat["outcome"], chat["order_id"]) == (name, "no order", None)
        assert (chat["model"], chat["confidence"]) == (account.owner.username, 0.1235)

        placed = await socket.request("place_order", **ordered(account, name))
        assert placed["data"]["status"] == "filled", placed
        again = (await socket.event("model_chat_update"))["data"]
        assert (again["decision_id"], again["order_id"]) == (name, placed["data"]["order_id"])
        assert again["outcome"].startswith("buy 0.01 filled at ")
        assert (await socket.event("trade_update"))["data"]["decision_id"] == name
        assert (await socket.event("order_update"))["data"]["decision_id"] == name


async def test_what_the_gate_refuses_is_named_and_told_and_nothing_is_done(server: Server) -> None:
    account, token = await in_orm(lambda: a_world(risk_pct="0.5", max_leverage=20))
    async with client(server, token) as socket:
        await socket.request("subscribe", channels=["model_chat"])
        name = (await socket.request("submit_decision", **said(account)))["data"]["decision_id"]
        far = ordered(account, name, stop_loss={"trigger_price": 60000})
        refused = (await socket.request("place_order", **far))["data"]
        assert (refused["code"], refused["reason"]) == ("order_rejected", "risk_per_trade")
        assert refused["fields"][0]["path"] == "size"
        await socket.event("model_chat_update")
        told = (await socket.event("model_chat_update"))["data"]
        assert told["outcome"] == f"refused, risk_per_trade: {refused['message']}"
        assert told["order_id"] is None
        assert await in_orm(rows) == (1, 0, 0)
        mended = await socket.request("place_order", **ordered(account, name, stop_loss={"trigger_price": 68000}))
        assert mended["data"]["status"] == "filled", mended
        plain = await socket.request("place_order", **ordered(account, None, size=0.1))
        assert plain["data"]["status"] == "filled", "an order that follows from no decision is not asked"


async def test_an_old_decision_opens_nothing_but_still_closes(server: Server) -> None:
    account, token = await in_orm(a_world)

    def age() -> None:
        row = ModelDecision.objects.latest("id")
        ModelDecision.objects.filter(pk=row.pk).update(created_at=row.created_at - timedelta(minutes=3))

    async with client(server, token) as socket:
        for decision, changes, reason in (
            ("buy", {}, "risk_decision_expired"),
            ("close", {"side": "sell", "reduce_only": True}, None),
        ):
            await socket.request("place_order", **ordered(account, None))
            name = (await socket.request("submit_decision", **said(account, decision=decision)))["data"]["decision_id"]
            await in_orm(age)
            answer = (await socket.request("place_order", **ordered(account, name, **changes)))["data"]
            assert answer.get("reason") == reason, answer


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"decision": "wait"}, "decision"),
        ({"reasoning": ""}, "reasoning"),
        ({"reasoning": "x" * 8_001}, "reasoning"),
        ({"reasoning": "a\x00b"}, "reasoning"),
        ({"confidence": 1.1}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"confidence": "0.5"}, "confidence"),
        ({"client_decision_id": "a b"}, "client_decision_id"),
        ({"client_decision_id": "a" * 65}, "client_decision_id"),
        ({"model": "m" * 61}, "model"),
        ({"model": "a\nb"}, "model"),
        ({"order": {}}, "order"),
    ],
)
async def test_a_bad_decision_is_told_at_its_field(server: Server, changes: Data, path: str) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        refused = await socket.request("submit_decision", **said(account, **changes))
        assert (refused["data"]["code"], refused["data"]["fields"][0]["path"]) == ("bad_request", path)
        assert await in_orm(rows) == (0, 0, 0)


async def test_edges_that_are_taken(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        for changes in (
            {"confidence": 0}, {"confidence": 1}, {"confidence": 1e-9}, {"reasoning": "x" * 8_000}, {"model": "m" * 60},
            {"client_decision_id": "a" * 64}, {"reasoning": "\ud83d\ude00 'DROP TABLE' \u2028"}, {"decision": "hold"},
        ):  # fmt: skip
            reply = await socket.request("submit_decision", **said(account, **changes))
            assert reply["type"] == "submit_decision", reply


async def test_only_decisions_of_the_same_account_can_be_followed(server: Server) -> None:
    account, token = await in_orm(a_world)
    other, other_token = await in_orm(a_world)
    async with client(server, token) as socket, client(server, other_token) as stranger:
        foreign = (await stranger.request("submit_decision", **said(other)))["data"]["decision_id"]
        for name in (foreign, "dec-999999999999999"):
            refused = await socket.request("place_order", **ordered(account, name))
            assert refused["data"]["code"] == "not_found"
        for name in ("7", "dec-7x", "dec-", "dec-0000000000000001"):
            refused = await socket.request("place_order", **ordered(account, name))
            assert (refused["data"]["code"], refused["data"]["fields"][0]["path"]) == ("bad_request", "decision_id")
        assert (await socket.request("submit_decision", **said(other)))["data"]["code"] == "not_found"
        assert (await in_orm(rows))[1:] == (0, 0)
        assert await in_orm(outcome) == "no order"


async def test_a_reader_submits_nothing(server: Server) -> None:
    account, _ = await in_orm(a_world)
    async with client(server, await in_orm(lambda: a_token(account.owner, scope="read"))) as socket:
        assert (await socket.request("submit_decision", **said(account)))["data"]["code"] == "forbidden"


# Once


async def test_the_same_decision_is_the_same_and_another_body_is_refused(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as socket:
        body = said(account, client_decision_id="d", confidence=0.5)
        first = (await socket.request("submit_decision", **body))["data"]
        again = (await socket.request("submit_decision", **{**body, "confidence": 0.50}))["data"]
        assert (first["duplicate"], again) == (False, {**first, "duplicate": True})
        for changes in ({"reasoning": "Else."}, {"decision": "sell"}, {"symbol": "ETH"}, {"confidence": None}):
            refused = (await socket.request("submit_decision", **{**body, **changes}))["data"]
            assert refused["code"] == "duplicate_client_decision_id"
            assert refused["fields"][0]["path"] == "client_decision_id"
        assert await in_orm(rows) == (1, 0, 0)


async def test_over_two_connections_at_once_it_trades_once(server: Server) -> None:
    account, token = await in_orm(a_world)
    async with client(server, token) as one, client(server, token) as two:
        body = said(account, client_decision_id="d")
        replies = await asyncio.gather(*(each.request("submit_decision", **body) for each in (one, two)))
        assert sorted(each["data"]["duplicate"] for each in replies) == [False, True]
        [name] = {each["data"]["decision_id"] for each in replies}
        order = ordered(account, name, client_order_id="o")
        placed = await asyncio.gather(*(each.request("place_order", **order) for each in (one, two)))
        assert sorted(each["data"]["duplicate"] for each in placed) == [False, True]
        # One that forgot what it named its order trades no second time either.
        others = await asyncio.gather(*(each.request("place_order", **ordered(account, name)) for each in (one, two)))
        assert [each["data"]["reason"] for each in others] == ["decision_carried_out"] * 2
    assert await in_orm(rows) == (1, 1, 1)


@pytest.mark.parametrize("lost_after", ["submit_decision", "place_order"])
async def test_a_bot_that_lost_its_answers_and_begins_anew_trades_once(server: Server, lost_after: str) -> None:
    """It sends and is gone before the answer; a new one knows nothing but the names that it gives."""
    account, token = await in_orm(a_world)
    body = said(account, client_decision_id="bar-7")
    async with client(server, token) as socket:
        if lost_after == "place_order":
            name = (await socket.request("submit_decision", **body))["data"]["decision_id"]
            await socket.send("place_order", ordered(account, name, client_order_id="bar-7"))
        else:
            await socket.send("submit_decision", body)
    for _ in range(2):
        async with client(server, token) as socket:
            name = (await socket.request("submit_decision", **body))["data"]["decision_id"]
            placed = await socket.request("place_order", **ordered(account, name, client_order_id="bar-7"))
            assert placed["data"]["status"] == "filled", placed
    assert await in_orm(rows) == (1, 1, 1)
