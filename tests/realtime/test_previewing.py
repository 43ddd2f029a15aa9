"""`preview_order` over the socket: what `place_order` would do, and its refusals, with nothing done."""

from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import Role
from realtime.orm import in_orm
from tests.builders import a_token, a_user, access, an_account, set_price
from tests.desk.given import everything
from tests.serving import Server, client

pytestmark = pytest.mark.django_db(transaction=True)
Data = dict[str, Any]
MARKET: Data = {"symbol": "BTC", "side": "buy", "size": "0.01", "order_type": "market"}
NEEDS_NO_SIZE = {"fee_rate", "leverage", "max_size", "mark_price"}


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    account, viewer = an_account(), a_user()
    access(account, viewer, Role.VIEWER)
    set_price("BTC", "68500")
    owner = account.owner
    return SimpleNamespace(
        account=account,
        viewer=viewer,
        token=a_token(owner),
        reader=a_token(owner, scope="read"),
        viewing=a_token(viewer),
        stranger=a_token(a_user()),
    )


async def test_it_tells_what_place_order_and_the_snapshot_then_tell(world: SimpleNamespace, server: Server) -> None:
    mine = {"account_id": world.account.pk}
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades"])
        for order in (MARKET, {**MARKET, "side": "sell", "size": 0.03, "leverage": 20}):
            preview = await socket.request("preview_order", **mine, **order)
            assert preview["type"] == "preview_order"
            placed = await socket.request("place_order", **mine, **order)
            trade = await socket.event("trade_update")
            snapshot = await socket.request("get_snapshot", **mine)
            told, done, state = preview["data"], placed["data"], snapshot["data"]
            [position] = state["positions"]
            assert {name: told[name] for name in ("filled_size", "average_price")} == {
                name: done[name] for name in ("filled_size", "average_price")
            }
            assert (told["fee"], told["fill_quality"]) == (trade["data"]["fee"], trade["data"]["fill_quality"])
            assert (told["leverage"], told["mark_price"]) == (position["leverage"], position["mark_price"])
            assert told["liquidation_price"] == position["liquidation_price"]
            assert told["withdrawable_after"] == state["withdrawable"]


async def test_without_a_size_it_tells_how_large_the_order_may_be(world: SimpleNamespace, server: Server) -> None:
    mine = {"account_id": world.account.pk}
    sizeless = {name: value for name, value in MARKET.items() if name != "size"}
    async with client(server, world.token) as socket:
        told = (await socket.request("preview_order", **mine, **sizeless))["data"]
        assert {name for name, value in told.items() if value is not None} == NEEDS_NO_SIZE
        assert 1.4 < told["max_size"] < 1.5
        more = await socket.request("preview_order", **mine, **{**MARKET, "size": told["max_size"] + 0.00001})
        assert more["data"]["code"] == "insufficient_margin"
        placed = await socket.request("place_order", **mine, **{**MARKET, "size": told["max_size"]})
        assert placed["data"]["status"] == "filled"
        asked = await socket.request("place_order", **mine, **sizeless)
        assert asked["data"]["fields"] == [{"path": "size", "message": "is required"}]


async def test_refusals_are_those_of_place_order(world: SimpleNamespace, server: Server) -> None:
    mine = {"account_id": world.account.pk}
    changed: list[Data] = [
        {"symbol": "DOGE"}, {"size": 0.000001}, {"size": -1}, {"sise": 1}, {"side": "up"}, {"price": 1},
        {"order_type": "limit"}, {"order_type": "limit", "price": "68500.55"}, {"reduce_only": True}, {"leverage": 41},
        {"size": 150}, {"stop_loss": {"trigger_price": 70000}}, {"decision_id": "dec-999"}, {"account_id": 999_999},
    ]  # fmt: skip
    async with client(server, world.token) as socket:
        for each in changed:
            order = {**mine, **MARKET, **each}
            refused, found = [
                (await socket.request(kind, **order))["data"] for kind in ("place_order", "preview_order")
            ]
            assert refused["code"] in (
                "bad_request",
                "order_rejected",
                "unknown_symbol",
                "insufficient_margin",
                "not_found",
            )
            assert found == {**refused, "in_reply_to": "preview_order"}


async def test_only_those_who_may_place_an_order_may_preview_it(world: SimpleNamespace, server: Server) -> None:
    codes = []
    for token in (world.reader, world.viewing, world.stranger):
        async with client(server, token) as socket:
            answer = await socket.request("preview_order", account_id=world.account.pk, **MARKET)
            codes.append(answer["data"]["code"])
    assert codes == ["forbidden", "forbidden", "not_found"]


async def test_a_client_id_that_was_used_is_no_retry(world: SimpleNamespace, server: Server) -> None:
    order = {"account_id": world.account.pk, **MARKET, "client_order_id": "mine"}
    async with client(server, world.token) as socket:
        await socket.request("place_order", **order)
        again = await socket.request("preview_order", **{**order, "size": 0.02})
        assert again["data"]["filled_size"] == 0.02


async def test_who_acts_as_another_is_that_one(world: SimpleNamespace, server: Server) -> None:
    boss = await in_orm(lambda: a_user(is_superuser=True))
    token = await in_orm(a_token, boss)
    async with client(server, token) as socket:
        refused = await socket.request("preview_order", account_id=world.account.pk, **MARKET)
        assert refused["data"]["code"] == "not_found"
        await socket.request("switch_user", user_id=world.account.owner_id)
        told = await socket.request("preview_order", account_id=world.account.pk, **MARKET)
        assert told["type"] == "preview_order"


async def test_nothing_is_written(world: SimpleNamespace, server: Server) -> None:
    before = await in_orm(everything)
    async with client(server, world.token) as socket:
        for size in ("0.01", "0.1", "100"):
            await socket.request("preview_order", account_id=world.account.pk, **{**MARKET, "size": size})
    assert await in_orm(everything) == before
