"""Every example of the seed: sent exactly as it is printed, answered key for key and type for type."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from knox.crypto import hash_token

from accounts.models import Account, SessionToken, User
from realtime.orm import in_orm
from tests.builders import an_account, an_order, done, set_price
from tests.realtime import seed
from tests.serving import Client, Server, client
from trading.domain.commands import RecordEquity, SubmitDecision
from trading.domain.enums import Action

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "abc123"


@pytest.fixture
def main_account(transactional_db: None) -> Account:
    """The seed's world: user 1 with account 1, the "Main Account", long 0.05 BTC, and the token "abc123"."""
    user = User.objects.create_user("trader", id=1)
    expiry = timezone.now() + timedelta(hours=1)
    SessionToken.objects.bulk_create(
        [SessionToken(user=user, digest=hash_token(TOKEN), token_key=TOKEN, scope="trade", expiry=expiry)]
    )
    other = an_account(user, name="Main Account")
    account = Account.objects.get(pk=other.pk)
    if account.pk != 1:  # the sequence has gone on since another test
        Account.objects.bulk_create([Account(**{**_values(account), "id": 1, "name": "Main Account 1"})])
        account = Account.objects.get(pk=1)
        account.name = "Main Account"
        other.name = "Another"
        other.save(update_fields=["name"])
        account.save(update_fields=["name"])
    set_price("BTC", "68500")
    done(account, an_order("0.05"))
    done(account, RecordEquity())
    return account


def _values(account: Account) -> dict[str, Any]:
    return {field.attname: getattr(account, field.attname) for field in account._meta.concrete_fields}


async def send_as_printed(socket: Client, request: dict[str, Any]) -> dict[str, Any]:
    await socket.send(request["type"], **{key: value for key, value in request.items() if key != "type"})
    return await socket.reply(request["request_id"])


def test_the_seed_is_read_whole() -> None:
    types = [message["type"] for message in seed.REQUESTS]
    assert types == [
        "connect", "bootstrap", "subscribe", "switch_user", "switch_account", "get_snapshot", "get_asset_curve",
        "place_order",
    ]  # fmt: skip
    assert set(seed.BROADCASTS) == {"trade_update", "position_update", "model_chat_update", "asset_curve_update"}


async def test_every_request_of_the_seed_gets_its_reply(main_account: Account, server: Server) -> None:
    replies = {}
    async with client(server) as socket:
        for request in seed.REQUESTS:
            replies[request["type"]] = await send_as_printed(socket, request)
        await socket.send("ping")
        assert (await socket.event("pong"))["data"]["server_time"].endswith("Z")
    assert {kind: reply["type"] for kind, reply in replies.items()} == {
        "connect": "connect",
        "bootstrap": "bootstrap",
        "subscribe": "subscribe",
        "switch_user": "switch_user",
        "switch_account": "switch_account",
        "get_snapshot": "snapshot",
        "get_asset_curve": "asset_curve",
        "place_order": "place_order",
    }
    for kind, reply in replies.items():
        request = next(message for message in seed.REQUESTS if message["type"] == kind)
        assert reply["request_id"] == request["request_id"]
    assert replies["subscribe"]["data"]["channels"] == ["trades", "positions", "asset_curve"]
    assert replies["place_order"]["data"]["status"] == "filled"
    assert replies["get_asset_curve"]["data"]["points"]


async def test_the_replies_agree_with_the_seeds(main_account: Account, server: Server) -> None:
    async with client(server, TOKEN) as socket:
        snapshot = await send_as_printed(socket, next(m for m in seed.REQUESTS if m["type"] == "get_snapshot"))
        bootstrap = await send_as_printed(socket, next(m for m in seed.REQUESTS if m["type"] == "bootstrap"))
    assert seed.disagreements(seed.REPLIES["snapshot"], snapshot) == []
    assert seed.disagreements(seed.REPLIES["bootstrap"], bootstrap) == []
    assert bootstrap["data"]["accounts"][0]["id"] == 1
    assert bootstrap["data"]["accounts"][0]["name"] == "Main Account"
    [position] = snapshot["data"]["positions"]
    assert (position["symbol"], position["side"], position["size"]) == ("BTC", "long", 0.05)


async def test_the_broadcasts_agree_with_the_seeds(main_account: Account, server: Server) -> None:
    decision = SubmitDecision("rsi", "BTC", Action.BUY, "RSI oversold at 28", order=an_order("0.01"))
    async with client(server, TOKEN) as socket:
        await socket.request("subscribe", channels=["trades", "positions", "model_chat", "asset_curve"])
        await in_orm(done, main_account, decision)
        for kind, example in seed.BROADCASTS.items():
            event = await socket.event(kind)
            assert seed.disagreements(example, event) == [], kind
            assert event["data"]["account_id"] == 1
            assert event["data"]["timestamp"].endswith("Z")
