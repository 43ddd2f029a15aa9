"""Who may see and do what: a table of (user, scope, message, account) and the answer."""

from types import SimpleNamespace

import pytest

from realtime.orm import in_orm
from tests.builders import a_token, a_user, access, an_account, an_order, execute, set_price
from tests.serving import Server, client
from trading.models import Order, Trade

pytestmark = pytest.mark.django_db(transaction=True)

READS = {
    "get_snapshot": {},
    "get_asset_curve": {"timeframe": "7d"},
    "switch_account": {},
    "subscribe": {"channels": ["trades"]},
}
TRADES = {
    "place_order": {"symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"},
    "cancel_order": {"client_order_id": "rests"},
    "cancel_all_orders": {},
}
OK = "ok"
EXPECTED = {
    ("owner", "trade"): (OK, OK),
    ("owner", "read"): (OK, "forbidden"),
    ("trader", "trade"): (OK, OK),
    ("trader", "read"): (OK, "forbidden"),
    ("viewer", "trade"): (OK, "forbidden"),
    ("viewer", "read"): (OK, "forbidden"),
    ("stranger", "trade"): ("not_found", "not_found"),
    ("stranger", "read"): ("not_found", "not_found"),
}
CASES = [
    (who, scope, message, expected[message in TRADES])
    for (who, scope), expected in EXPECTED.items()
    for message in [*READS, *TRADES]
]


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    set_price()
    users = {who: a_user() for who in ("owner", "trader", "viewer", "stranger")}
    account = an_account(users["owner"])
    access(account, users["trader"], "trader")
    access(account, users["viewer"], "viewer")
    execute(account, an_order(price="60000", client_order_id="rests"))
    return SimpleNamespace(account=account, users=users)


def rows() -> tuple[int, int, int]:
    return Order.objects.count(), Trade.objects.count(), Order.objects.filter(status="open").count()


@pytest.mark.parametrize(("who", "scope", "message", "expected"), CASES)
async def test_who_may_do_what(
    who: str, scope: str, message: str, expected: str, world: SimpleNamespace, server: Server
) -> None:
    token = await in_orm(a_token, world.users[who], scope)
    before = await in_orm(rows)
    data = {**READS, **TRADES}[message] | {"account_id": world.account.pk}
    async with client(server, token) as socket:
        reply = await socket.request(message, **data)
    code = reply["data"]["code"] if reply["type"] == "error" else OK
    assert code == expected
    if code != OK:
        assert await in_orm(rows) == before


async def test_an_account_that_does_not_exist_is_answered_like_a_strangers(
    world: SimpleNamespace, server: Server
) -> None:
    token = await in_orm(a_token, world.users["stranger"])
    async with client(server, token) as socket:
        for message, data in {**READS, **TRADES}.items():
            real = await socket.request(message, **data, account_id=world.account.pk)
            none = await socket.request(message, **data, account_id=999_999)
            assert real["data"]["code"] == none["data"]["code"] == "not_found"
            told = [
                reply["data"]["message"].replace(str(pk), "N")
                for reply, pk in ((real, world.account.pk), (none, 999_999))
            ]
            assert told[0] == told[1]


async def test_a_frozen_account_places_nothing_but_cancels(world: SimpleNamespace, server: Server) -> None:
    def freeze() -> str:
        world.account.status = "frozen"
        world.account.save()
        return a_token(world.users["owner"])

    async with client(server, await in_orm(freeze)) as socket:
        placed = await socket.request("place_order", **TRADES["place_order"], account_id=world.account.pk)
        assert placed["data"]["code"] == "account_frozen"
        canceled = await socket.request("cancel_all_orders", account_id=world.account.pk)
        assert len(canceled["data"]["canceled"]) == 1


async def test_an_order_of_another_account_can_not_be_canceled(world: SimpleNamespace, server: Server) -> None:
    def prepare() -> tuple[str, int, int]:
        own = an_account(world.users["stranger"])
        order_id = Order.objects.get(client_order_id="rests").pk
        return a_token(world.users["stranger"]), own.pk, order_id

    token, own_id, order_id = await in_orm(prepare)
    async with client(server, token) as socket:
        reply = await socket.request("cancel_order", account_id=own_id, order_id=order_id)
    assert reply["data"]["code"] == "not_found"
    assert await in_orm(lambda: Order.objects.get(pk=order_id).status) == "open"
