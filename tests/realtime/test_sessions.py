"""Opening a session, keeping it, changing whose accounts it is about, and losing it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client as Browser
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from accounts.models import AuditEntry, SessionToken
from accounts.services import revoke_token
from realtime.orm import in_orm
from tests.builders import a_token, a_user, access, an_account, an_order, done, set_price
from tests.serving import Server, client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    set_price()
    owner, stranger, boss = a_user(), a_user(), a_user()
    boss.user_permissions.add(Permission.objects.get(codename="act_as_user"))
    made = SimpleNamespace(
        owner=owner, stranger=stranger, boss=boss, account=an_account(owner), second=an_account(owner)
    )
    made.strangers = an_account(stranger)
    made.token, made.read_token = a_token(owner), a_token(owner, scope="read")
    made.stranger_token, made.boss_token = a_token(stranger), a_token(boss)
    made.order = {"symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
    return made


@pytest.mark.parametrize(
    "kind", ["bootstrap", "subscribe", "get_snapshot", "place_order", "switch_user", "unsubscribe", "cancel_all_orders"]
)
async def test_before_connect_nothing_else_is_answered(kind: str, world: SimpleNamespace, server: Server) -> None:
    async with client(server) as socket:
        reply = await socket.request(kind, channels=["trades"])
        assert (reply["type"], reply["data"]["code"]) == ("error", "unauthorized")
        assert (await socket.request("ping"))["type"] == "pong"


async def test_connect_tells_who_and_what(world: SimpleNamespace, server: Server) -> None:
    async with client(server) as socket:
        data = (await socket.request("connect", session_token=world.token))["data"]
    assert data["user"] == {"id": world.owner.pk, "username": world.owner.username}
    assert data["account_id"] == world.account.pk
    assert data["scopes"] == ["read", "trade"]
    assert data["protocol"] == 1
    assert data["session_id"]
    assert data["expires_at"].endswith("Z")
    assert data["limits"]["max_frame_bytes"] == 65_536


async def test_requests_sent_at_once_are_answered_in_the_session_that_connect_opens(
    world: SimpleNamespace, server: Server
) -> None:
    async with client(server) as socket:
        await socket.send("connect", {"session_token": world.token}, request_id="a")
        await socket.send("bootstrap", request_id="b")
        await socket.send("switch_account", {"account_id": world.second.pk}, request_id="c")
        await socket.send("get_snapshot", request_id="d")
        assert (await socket.reply("b"))["data"]["account_id"] == world.account.pk
        assert (await socket.reply("d"))["data"]["account_id"] == world.second.pk


async def test_five_bad_tokens_close_the_socket(world: SimpleNamespace, server: Server) -> None:
    async with client(server) as socket:
        for _ in range(5):
            reply = await socket.request("connect", session_token="wrong")
            assert reply["data"]["code"] == "unauthorized"
        assert await socket.close_code() == 4500


async def test_a_socket_that_never_connects_is_closed(settings: object, server: Server) -> None:
    settings.HYPERORU_CONNECT_TIMEOUT_S = 0.05  # type: ignore[attr-defined]
    async with client(server) as socket:
        assert await socket.close_code() == 4502


async def test_another_users_token_starts_the_session_over(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        await socket.request("subscribe", channels=["trades"])
        reply = await socket.request("connect", session_token=world.stranger_token)
        assert reply["data"]["account_id"] == world.strangers.pk
        assert (await socket.request("unsubscribe", channels=[]))["data"]["channels"] == []
        assert (await socket.request("get_snapshot", account_id=world.account.pk))["data"]["code"] == "not_found"


async def test_a_fresh_token_of_the_same_user_prolongs_the_session(world: SimpleNamespace, server: Server) -> None:
    fresh = await in_orm(a_token, world.owner)
    async with client(server, world.token) as socket:
        await socket.request("switch_account", account_id=world.second.pk)
        await socket.request("subscribe", channels=["trades"])
        reply = await socket.request("connect", session_token=fresh)
        assert reply["data"]["account_id"] == world.second.pk
        assert (await socket.request("unsubscribe", channels=["orders"]))["data"]["channels"] == ["trades"]


async def test_bootstrap_lists_what_one_sees_with_the_role(world: SimpleNamespace, server: Server) -> None:
    await in_orm(access, world.strangers, world.owner, "viewer")
    async with client(server, world.token) as socket:
        accounts = (await socket.request("bootstrap"))["data"]["accounts"]
    assert [(account["id"], account["role"]) for account in accounts] == [
        (world.account.pk, "owner"),
        (world.second.pk, "owner"),
        (world.strangers.pk, "viewer"),
    ]


async def test_a_user_without_accounts_has_no_active_one(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.boss_token) as socket:
        data = (await socket.request("bootstrap"))["data"]
        assert (data["accounts"], data["positions"], data["active_orders"], data["account_id"]) == ([], [], [], None)
        assert (await socket.request("get_snapshot"))["data"]["code"] == "not_found"
        assert (await socket.request("subscribe", channels=["trades"]))["data"]["streams"] == {}


# Switching users


async def test_switching_to_oneself_always_works(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket:
        reply = await socket.request("switch_user", user_id=world.owner.pk)
    assert reply["data"]["user"]["id"] == world.owner.pk
    assert reply["data"]["account_id"] == world.account.pk


@pytest.mark.parametrize("target", ["stranger", "nobody"])
async def test_switching_without_the_permission_is_forbidden(
    target: str, world: SimpleNamespace, server: Server
) -> None:
    async with client(server, world.token) as socket:
        user_id = world.stranger.pk if target == "stranger" else 999_999
        assert (await socket.request("switch_user", user_id=user_id))["data"]["code"] == "forbidden"
        assert (await socket.request("bootstrap"))["data"]["account_id"] == world.account.pk


async def test_switching_acts_as_the_other_and_is_written_down(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.boss_token) as socket:
        reply = await socket.request("switch_user", user_id=world.stranger.pk)
        assert reply["data"]["account_id"] == world.strangers.pk
        placed = await socket.request("place_order", account_id=world.strangers.pk, **world.order)
        assert placed["data"]["status"] == "filled"
        assert (await socket.request("get_snapshot", account_id=world.account.pk))["data"]["code"] == "not_found"
        assert (await socket.request("switch_user", user_id=999_999))["data"]["code"] == "not_found"
        back = await socket.request("switch_user", user_id=world.boss.pk)
        assert back["data"]["accounts"] == []
    entries = await in_orm(
        lambda: list(AuditEntry.objects.filter(action="switch_user").values_list("actor_id", "target"))
    )
    assert sorted(entries) == sorted(
        [(world.boss.pk, f"user {world.stranger.pk}"), (world.boss.pk, f"user {world.boss.pk}")]
    )


async def test_losing_the_permission_ends_acting_as_another_at_once(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.boss_token) as socket:
        await socket.request("switch_user", user_id=world.stranger.pk)
        await in_orm(world.boss.user_permissions.clear)
        order = await socket.request("place_order", account_id=world.strangers.pk, **world.order)
        read = await socket.request("get_snapshot", account_id=world.strangers.pk)
    assert [order["data"]["code"], read["data"]["code"]] == ["forbidden", "forbidden"]


# The end of a session


async def test_a_revoked_token_closes_its_sockets_and_no_others(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.token) as socket, client(server, world.read_token) as other:
        row = await in_orm(lambda: SessionToken.objects.get(scope="trade", user=world.owner))
        await in_orm(lambda: revoke_token(token=row, now=timezone.now()))
        assert await socket.close_code() == 4507
        assert (await other.request("bootstrap"))["type"] == "bootstrap"


async def test_a_token_revoked_behind_the_signals_trades_and_reads_no_more(
    world: SimpleNamespace, server: Server
) -> None:
    def revoke() -> None:
        long_ago = timezone.now() - timedelta(days=1)
        SessionToken.objects.filter(user=world.owner).update(revoked_at=long_ago)

    async with client(server, world.token) as socket:
        await in_orm(revoke)
        for kind in ("place_order", "cancel_all_orders", "get_snapshot", "bootstrap", "subscribe", "switch_account"):
            data = {"account_id": world.account.pk} if kind != "bootstrap" else {}
            data |= world.order if kind == "place_order" else {}
            data |= {"channels": ["trades"]} if kind == "subscribe" else {}
            assert (await socket.request(kind, **data))["data"]["code"] == "session_expired", kind


async def test_a_session_is_warned_and_then_closed_when_its_token_expires(
    world: SimpleNamespace, server: Server
) -> None:
    token = await in_orm(lambda: a_token(world.owner, lifetime=timedelta(seconds=2)))
    async with client(server, token) as socket:
        assert (await socket.event("session_expiring"))["data"]["expires_at"].endswith("Z")
        assert await socket.close_code() == 4005


# Browsers


def logged_in(world: SimpleNamespace) -> str:
    browser = Browser()
    browser.force_login(world.owner)
    return browser.cookies[django_settings.SESSION_COOKIE_NAME].value


async def test_a_logged_in_browser_needs_no_token(world: SimpleNamespace, server: Server) -> None:
    cookie = await in_orm(logged_in, world)
    headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}", "Origin": server.url}
    async with client(server, additional_headers=headers) as socket:
        assert (await socket.request("connect"))["data"]["user"]["id"] == world.owner.pk
        placed = await socket.request("place_order", account_id=world.account.pk, **world.order)
        assert placed["data"]["status"] == "filled"


async def test_a_log_out_ends_the_browsers_socket(world: SimpleNamespace, server: Server) -> None:
    cookie = await in_orm(logged_in, world)

    def log_out() -> None:
        browser = Browser()
        browser.cookies[django_settings.SESSION_COOKIE_NAME] = cookie
        browser.post("/logout/")

    headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}
    async with client(server, additional_headers=headers) as socket:
        await socket.request("connect")
        await in_orm(log_out)
        assert await socket.close_code() == 4507


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 32])
async def test_a_cookie_of_no_session_opens_nothing(cookie: str, world: SimpleNamespace, server: Server) -> None:
    headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}
    async with client(server, additional_headers=headers) as socket:
        assert (await socket.request("connect"))["data"]["code"] == "unauthorized"
    assert SessionStore().session_key is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "https://localhost.evil.example"])
async def test_a_page_of_another_host_opens_no_socket(origin: str, server: Server) -> None:
    with pytest.raises(InvalidStatus):
        async with client(server, additional_headers={"Origin": origin}):
            pass


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8080"])
async def test_a_page_of_an_allowed_host_opens_one(origin: str, server: Server) -> None:
    async with client(server, additional_headers={"Origin": origin}) as socket:
        assert (await socket.request("ping"))["type"] == "pong"


async def test_no_token_is_ever_logged(
    world: SimpleNamespace, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with client(server, world.token) as socket:
        await socket.request("connect", session_token="wrong-and-secret")
        await in_orm(done, world.account, an_order())
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets")]
    assert logged
    assert not [line for line in logged if world.token in line or "wrong-and-secret" in line]


async def test_events_end_when_the_access_to_an_account_is_withdrawn(world: SimpleNamespace, server: Server) -> None:
    row = await in_orm(access, world.strangers, world.owner, "viewer")
    async with client(server, world.token) as socket, client(server, world.stranger_token) as other:
        await other.request("subscribe", channels=["trades"])
        await socket.request("subscribe", channels=["trades"], account_id=world.strangers.pk)
        await in_orm(row.delete)
        assert await socket.close_code() == 4005
        await in_orm(done, world.strangers, an_order())
        assert (await other.event("trade_update"))["data"]["account_id"] == world.strangers.pk


async def test_events_end_when_acting_as_another_is_withdrawn(world: SimpleNamespace, server: Server) -> None:
    async with client(server, world.boss_token) as socket:
        await socket.request("switch_user", user_id=world.stranger.pk)
        await socket.request("subscribe", channels=["trades"])
        await in_orm(world.boss.user_permissions.clear)
        assert await socket.close_code() == 4005


async def test_what_follows_the_active_account_moves_when_the_user_is_switched(
    world: SimpleNamespace, server: Server
) -> None:
    async with client(server, world.boss_token) as socket:
        await socket.request("subscribe", channels=["trades"])
        reply = await socket.request("switch_user", user_id=world.stranger.pk)
        assert reply["data"]["as_of"]["trades"]["seq"] == 0
        await in_orm(done, world.strangers, an_order())
        assert (await socket.event("trade_update"))["data"]["account_id"] == world.strangers.pk


async def test_a_page_of_another_port_may_not_use_the_cookies(world: SimpleNamespace, server: Server) -> None:
    cookie = await in_orm(logged_in, world)
    headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}", "Origin": "http://127.0.0.1:9"}
    async with client(server, additional_headers=headers) as socket:
        assert (await socket.request("connect"))["data"]["code"] == "unauthorized"
        assert (await socket.request("connect", session_token=world.token))["type"] == "connect"


async def test_another_users_log_in_over_a_browser_session_ends_its_sockets(
    world: SimpleNamespace, server: Server
) -> None:
    cookie = await in_orm(logged_in, world)

    def log_in_over_it() -> None:
        world.stranger.is_staff = True
        world.stranger.set_password("correct horse")
        world.stranger.save()
        browser = Browser()
        browser.cookies[django_settings.SESSION_COOKIE_NAME] = cookie
        browser.post("/admin/login/", {"username": world.stranger.username, "password": "correct horse"})
        assert not SessionStore().exists(cookie)

    headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}
    async with client(server, additional_headers=headers) as socket:
        await socket.request("connect")
        await in_orm(log_in_over_it)
        assert await socket.close_code() == 4507
