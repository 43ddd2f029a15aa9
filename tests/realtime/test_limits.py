"""Who sends too much or opens too many sockets is told so, and when to come back; nobody else notices."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime import entrance, hubs
from realtime.admission import admission
from realtime.farewell import take_leave
from realtime.orm import in_orm
from tests.builders import a_token, an_account, set_price
from tests.serving import PATIENCE_S, Client, Message, Server, client
from trading.models import Order

pytestmark = pytest.mark.django_db(transaction=True)
PLENTY = 500


@pytest.fixture
def world(transactional_db: None) -> SimpleNamespace:
    set_price()
    account = an_account()
    return SimpleNamespace(account=account, token=a_token(account.owner), second_token=a_token(account.owner))


@pytest.fixture(autouse=True)
def _no_socket_is_left_in_the_counts() -> Iterator[None]:
    yield
    assert not admission.unauthenticated
    assert not admission.connected


async def until_limited(socket: Client, kind: str, **data: Any) -> tuple[list[Message], Message]:
    """Send requests one after the other until one is refused; return the answers before, and the refusal's data."""
    answers: list[Message] = []
    while len(answers) < PLENTY:
        answer = await socket.request(kind, **data)
        if answer["type"] == "error":
            assert answer["data"]["code"] == "rate_limited", answer
            return answers, answer["data"]
        answers.append(answer)
    raise AssertionError("never refused")


async def flood(socket: Client, frame: str | bytes, number: int) -> list[Message]:
    """Send frames without waiting, until the server closes the socket; return all that it sent."""

    async def send() -> None:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(number):
                await socket.connection.send(frame)

    sending, answers = asyncio.create_task(send()), list[Message]()
    with contextlib.suppress(ConnectionClosed):
        while True:
            answers.append(await socket.receive())
    await sending
    return answers


# Messages


async def test_who_waits_as_told_is_served_again(settings: Any, server: Server) -> None:
    settings.HYPERORU_MESSAGES_PER_S, settings.HYPERORU_MESSAGES_BURST = 5.0, 3
    async with client(server) as socket:
        answers, refusal = await until_limited(socket, "ping")
        assert len(answers) >= 3
        assert refusal["in_reply_to"] == "ping"
        assert 0 < refusal["retry_after_ms"] <= 200
        await asyncio.sleep(refusal["retry_after_ms"] / 1_000)
        assert (await socket.request("ping"))["type"] == "pong"


async def test_each_of_a_flood_is_answered_and_the_burst_is_served(server: Server) -> None:
    async with client(server) as socket:
        for number in range(300):
            await socket.send("ping", request_id=f"p{number}")
        answers = [await socket.receive() for _ in range(300)]
        assert [answer["request_id"] for answer in answers] == [f"p{number}" for number in range(300)]
        assert {answer["type"] for answer in answers[:100]} == {"pong"}
        codes = [answer["data"]["code"] for answer in answers if answer["type"] == "error"]
        assert set(codes) <= {"rate_limited"}


@pytest.mark.parametrize("frame", ["{nonsense", b"\x00", "[]", '{"type":"no_such_type"}', '{"type":"bootstrap"}'])
async def test_every_frame_counts(frame: str | bytes, settings: Any, server: Server) -> None:
    settings.HYPERORU_MESSAGES_PER_S, settings.HYPERORU_MESSAGES_BURST = 0.01, 2
    async with client(server) as socket:
        for _ in range(3):
            await socket.connection.send(frame)
        codes = [(await socket.receive())["data"]["code"] for _ in range(3)]
        assert "rate_limited" not in codes[:2]
        assert codes[2] == "rate_limited"
        assert (await socket.request("ping"))["data"]["code"] == "rate_limited"


async def test_what_is_refused_is_not_carried_out(world: SimpleNamespace, settings: Any, server: Server) -> None:
    settings.HYPERORU_MESSAGES_PER_S, settings.HYPERORU_MESSAGES_BURST = 0.01, 1
    async with client(server, world.token) as socket:
        order = {"symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
        answer = await socket.request("place_order", account_id=world.account.pk, **order)
    assert answer["data"]["code"] == "rate_limited"
    assert await in_orm(Order.objects.count) == 0


async def test_who_goes_on_regardless_is_closed_after_the_answers(settings: Any, server: Server) -> None:
    settings.HYPERORU_MESSAGES_PER_S, settings.HYPERORU_MESSAGES_BURST = 0.01, 2
    async with client(server) as other, client(server) as socket:
        answers = await flood(socket, json.dumps({"type": "ping"}), PLENTY)
        assert await socket.close_code() == 4013
        assert [answer["type"] for answer in answers] == ["pong"] * 2 + ["error"] * 21
        assert {answer["data"]["code"] for answer in answers[2:]} == {"rate_limited"}
        assert (await other.request("ping"))["type"] == "pong"


async def test_without_a_limit_all_is_served(settings: Any, server: Server) -> None:
    settings.HYPERORU_MESSAGES_PER_S = 0
    async with client(server) as socket:
        for number in range(2_000):
            await socket.send("ping", request_id=number)
        assert {(await socket.receive())["type"] for _ in range(2_000)} == {"pong"}


# Malformed frames


@pytest.mark.parametrize(
    ("frame", "code"), [("{nonsense", "bad_json"), ("[]", "bad_request"), (b"\x00", "bad_request")]
)
async def test_malformed_frames_over_and_over_close_the_socket(
    frame: str | bytes, code: str, settings: Any, server: Server
) -> None:
    settings.HYPERORU_MESSAGES_PER_S = 0
    async with client(server) as other, client(server) as socket:
        answers = await flood(socket, frame, PLENTY)
        assert await socket.close_code() == 4501
        assert len(answers) >= 21
        assert {answer["data"]["code"] for answer in answers} == {code}
        assert (await other.request("ping"))["type"] == "pong"


async def test_malformed_frames_close_nothing_without_a_limit(settings: Any, server: Server) -> None:
    settings.HYPERORU_MALFORMED_BURST = settings.HYPERORU_MESSAGES_PER_S = 0
    async with client(server) as socket:
        for _ in range(100):
            await socket.connection.send("{nonsense")
        assert {(await socket.receive())["data"]["code"] for _ in range(100)} == {"bad_json"}
        assert (await socket.request("ping"))["type"] == "pong"


# Orders and cancels


async def test_orders_of_an_account_are_limited_and_cancels_apart(
    world: SimpleNamespace, settings: Any, server: Server
) -> None:
    settings.HYPERORU_ORDERS_PER_S, settings.HYPERORU_ORDERS_BURST = 2.0, 2
    settings.HYPERORU_CANCELS_PER_S, settings.HYPERORU_CANCELS_BURST = 2.0, 2
    asked = {"account_id": world.account.pk}
    order = {"symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "limit", "price": 60_000}
    async with client(server, world.token) as socket:
        placed, refusal = await until_limited(socket, "place_order", **asked, **order)
        assert len(placed) >= 2
        assert (refusal["in_reply_to"], 0 < refusal["retry_after_ms"] <= 500) == ("place_order", True)
        assert await in_orm(Order.objects.count) == len(placed)
        cancels, refusal = await until_limited(socket, "cancel_all_orders", **asked)
        assert len(cancels) >= 2
        await asyncio.sleep(refusal["retry_after_ms"] / 1_000)
        assert (await socket.request("cancel_all_orders", **asked))["type"] == "cancel_all_orders"
        _, refusal = await until_limited(socket, "place_order", **asked, **order)
        await asyncio.sleep(refusal["retry_after_ms"] / 1_000)
        assert (await socket.request("place_order", **asked, **order))["type"] == "place_order"


async def test_the_sockets_of_an_account_share_its_limits(
    world: SimpleNamespace, settings: Any, server: Server
) -> None:
    settings.HYPERORU_CANCELS_PER_S, settings.HYPERORU_CANCELS_BURST = 0.01, 1
    async with client(server, world.token) as one, client(server, world.second_token) as two:
        answers = [await each.request("cancel_all_orders", account_id=world.account.pk) for each in (one, two)]
        assert [answer["type"] for answer in answers] == ["cancel_all_orders", "error"]
        assert answers[1]["data"]["code"] == "rate_limited"
        assert (await two.request("get_snapshot", account_id=world.account.pk))["type"] == "snapshot"


# Sockets


async def is_let_in(server: Server, **options: Any) -> bool:
    """Open a socket and tell whether it is served or closed with 4504."""
    async with client(server, **options) as socket:
        try:
            return (await socket.request("ping"))["type"] == "pong"
        except ConnectionClosed:
            assert await socket.close_code() == 4504
            return False


@contextlib.asynccontextmanager
async def sockets(server: Server, number: int, token: str | None = None) -> AsyncIterator[list[Client]]:
    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(client(server, token)) for _ in range(number)]
        for each in opened:
            assert (await each.request("ping"))["type"] == "pong"
        yield opened


async def in_time(condition: Any) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_sockets_that_have_not_connected_are_limited_by_address(
    world: SimpleNamespace, settings: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = 2
    monkeypatch.setattr(entrance, "WAIT_S", 0.2)
    async with sockets(server, 2) as opened:
        assert not await is_let_in(server)
        [hub] = [hub for hub in hubs._hubs.values() if hub.connections]
        assert len(hub.connections) == 2
        assert (await opened[0].request("connect", session_token=world.token))["type"] == "connect"
        assert await is_let_in(server)  # the one that has connected counts elsewhere
        await in_time(lambda: is_let_in(server))
        await opened[1].connection.close()
        async with sockets(server, 1):
            await in_time(lambda: is_let_in(server))


async def test_sockets_that_have_connected_are_limited_by_address(
    world: SimpleNamespace, settings: Any, server: Server
) -> None:
    settings.HYPERORU_SOCKETS_PER_ADDRESS = 2
    async with sockets(server, 2, world.token) as opened:
        async with client(server) as third:
            answer = await third.request("connect", session_token=world.token)
            assert (answer["type"], answer["data"]["code"]) == ("error", "rate_limited")
            assert answer["data"]["retry_after_ms"] is None  # nobody knows when, and 4504 says not to
            assert await third.close_code() == 4504
        again = await opened[0].request("connect", session_token=world.second_token)
        assert again["type"] == "connect"
        await opened[1].connection.close()

        async def connects() -> bool:
            async with client(server) as socket:
                reply = await socket.request("connect", session_token=world.token)
                return bool(reply["type"] == "connect")

        await in_time(connects)


async def test_a_wrong_token_is_told_before_the_number_of_sockets(
    world: SimpleNamespace, settings: Any, server: Server
) -> None:
    settings.HYPERORU_SOCKETS_PER_ADDRESS = 1
    async with sockets(server, 1, world.token), client(server) as socket:
        assert (await socket.request("connect", session_token="wrong"))["data"]["code"] == "unauthorized"
        assert (await socket.request("ping"))["type"] == "pong"


async def test_without_limits_any_number_is_let_in(settings: Any, world: SimpleNamespace, server: Server) -> None:
    settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = settings.HYPERORU_SOCKETS_PER_ADDRESS = 0
    async with sockets(server, 15), sockets(server, 105, world.token):
        assert await is_let_in(server)


async def test_any_number_may_come_at_once_if_each_connects(world: SimpleNamespace, server: Server) -> None:
    most_at_once = 0

    async def one() -> str:
        nonlocal most_at_once
        async with client(server) as socket:
            most_at_once = max(most_at_once, sum(admission.unauthenticated.values()))
            answer = await socket.request("connect", session_token=world.token)
            await all_have_come.wait()  # none makes room by leaving
            return str(answer["type"])

    async def until_all_have_connected() -> None:
        async def have_they() -> bool:
            return sum(admission.connected.values()) == 90

        await in_time(have_they)
        all_have_come.set()

    all_have_come = asyncio.Event()
    answers = await asyncio.gather(*(one() for _ in range(90)), until_all_have_connected())
    assert answers[:-1] == ["connect"] * 90
    assert 0 < most_at_once <= 10


async def test_of_silent_sockets_one_too_many_is_closed(
    monkeypatch: pytest.MonkeyPatch, world: SimpleNamespace, server: Server
) -> None:
    monkeypatch.setattr(entrance, "WAIT_S", 0.3)
    async with sockets(server, 10) as opened:
        assert not await is_let_in(server)
        assert len(opened) == sum(admission.unauthenticated.values()) == 10


async def test_who_waits_to_be_opened_is_sent_away_when_the_process_stops(settings: Any, server: Server) -> None:
    settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = 1
    async with sockets(server, 1):

        async def waits() -> bool:
            return bool(admission._waiting)

        waiting = asyncio.create_task(is_let_in(server))
        await in_time(waits)
        [(loop, hub)] = [(loop, hub) for loop, hub in hubs._hubs.items() if hub.connections]
        leaving = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(take_leave(hub), loop))
        for opening in (waiting, is_let_in(server)):
            with pytest.raises(InvalidStatus) as refused:
                await opening
            assert refused.value.response.status_code == 503
        await leaving


FORWARDED = {"additional_headers": {"X-Forwarded-For": "203.0.113.9"}}


async def test_a_client_can_not_choose_its_address(
    settings: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "WAIT_S", 0.2)
    settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = 1
    async with sockets(server, 1):
        assert not await is_let_in(server, **FORWARDED)


@pytest.fixture
def trusting(settings: Any) -> None:
    settings.HYPERORU_TRUSTED_PROXIES = ["127.0.0.1"]


@pytest.mark.parametrize("since", ["the start", "later"])
async def test_a_trusted_proxy_tells_the_address(since: str, settings: Any, request: pytest.FixtureRequest) -> None:
    if since == "the start":  # then the server believes the proxy too, before the application does
        request.getfixturevalue("trusting")
    server: Server = request.getfixturevalue("server")
    request.getfixturevalue("trusting")
    request.getfixturevalue("monkeypatch").setattr(entrance, "WAIT_S", 0.2)
    settings.HYPERORU_UNAUTHENTICATED_PER_ADDRESS = 1
    async with client(server, **FORWARDED) as socket:
        assert (await socket.request("ping"))["type"] == "pong"
        assert not await is_let_in(server, **FORWARDED)
        assert not await is_let_in(server, additional_headers={"X-Forwarded-For": "1.1.1.1, 203.0.113.9"})
        assert await is_let_in(server)
        assert await is_let_in(server, additional_headers={"X-Forwarded-For": "203.0.113.10"})


async def test_connect_tells_all_limits(world: SimpleNamespace, server: Server) -> None:
    async with client(server) as socket:
        limits = (await socket.request("connect", session_token=world.token))["data"]["limits"]
    assert limits == {
        "max_frame_bytes": 65_536,
        "max_in_flight": 32,
        "max_queued_bytes": 1_048_576,
        "max_resume_events": 1_000,
        "messages_per_s": 50,
        "messages_burst": 100,
        "malformed_burst": 20,
        "orders_per_s": 20,
        "orders_burst": 50,
        "cancels_per_s": 40,
        "cancels_burst": 100,
        "unauthenticated_per_address": 10,
        "sockets_per_address": 100,
    }
