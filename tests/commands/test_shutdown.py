"""SIGTERM: nobody new, everybody told, what is in flight answered, sockets closed with 4001, soon over."""

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime import hubs
from tests.commands.processes import Place
from tests.serving import Client, Server, client

ORDER = {"account_id": 1, "symbol": "BTC", "side": "buy", "size": 0.001, "order_type": "market"}


def serve(place: Place) -> list[str]:
    return [sys.executable, "manage.py", "serve", "--port", str(place.port)]


async def test_sockets_are_told_and_closed_and_nobody_new_comes_in(tmp_path: Path) -> None:
    place = Place(tmp_path)
    tokens = place.prepare()
    with place.running(*serve(place)) as process:
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(client(place.server, tokens["demo"])) for _ in range(5)]
            began = time.monotonic()
            os.kill(process.pid, signal.SIGTERM)
            told = [(await each.event("server_shutdown"))["data"]["reconnect_after_ms"] for each in sockets]
            assert all(isinstance(after, int) and 500 <= after < 2_500 for after in told)
            assert len(set(told)) > 1
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", place.port)).close()
            assert [await each.close_code() for each in sockets] == [4001] * 5
            assert await asyncio.to_thread(process.wait, 15) == 0
            assert time.monotonic() - began < 10


async def test_what_is_in_flight_is_answered(tmp_path: Path) -> None:
    place = Place(tmp_path)
    tokens = place.prepare()
    with place.running(*serve(place)) as process:
        await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, tokens["ops"])
        async with client(place.server, tokens["demo"]) as trader:
            for number in range(30):
                await trader.send("place_order", {**ORDER, "client_order_id": f"o{number}"}, request_id=number + 1_000)
            os.kill(process.pid, signal.SIGTERM)
            answers = await _answers(trader)
        assert process.wait(15) == 0
    assert sorted(answers) == list(range(1_000, 1_030))
    assert set(answers.values()) <= {"filled", "restarting"}
    with place.running(*serve(place)):
        async with client(place.server, tokens["demo"]) as trader:
            for number, answer in answers.items():
                reply = await trader.request("place_order", **ORDER, client_order_id=f"o{number - 1_000}")
                assert reply["data"]["duplicate"] == (answer == "filled")


async def test_http_connections_are_closed_and_those_who_come_late_are_told_to_come_again(tmp_path: Path) -> None:
    place = Place(tmp_path)
    tokens = place.prepare()
    with place.running(*serve(place)) as process:
        async with client(place.server, tokens["demo"]) as trader:
            idle, asks, shakes = [socket.create_connection(("127.0.0.1", place.port), 10) for _ in range(3)]
            assert b"200 OK" in _exchange(idle, "/healthz")
            await trader.request("ping")  # so they are all accepted
            os.kill(process.pid, signal.SIGTERM)
            await trader.event("server_shutdown")
            assert idle.recv(1) == b""  # while sockets are still open
            unready = await asyncio.to_thread(_exchange, asks, "/readyz")
            assert unready.startswith(b"HTTP/1.1 503 ")
            assert b"connection: close" in unready.lower()
            upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            refused = await asyncio.to_thread(_exchange, shakes, "/ws", upgrade + key)
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in refused.lower()
            assert await trader.close_code() == 4001
        assert await asyncio.to_thread(process.wait, 15) == 0
        for each in (idle, asks, shakes):
            each.close()
    errors = [line for line in place.logged().splitlines() if "ERROR" in line]
    assert all("Service Unavailable: /readyz" in line for line in errors)


def _exchange(connection: socket.socket, path: str, headers: str = "") -> bytes:
    """Send a request and return the head of its answer."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        assert more, received
        received += more
    if b"content-length: 0" not in received and not received.partition(b"\r\n\r\n")[2]:
        received += connection.recv(65536)
    return received


@pytest.mark.django_db(transaction=True)
async def test_requests_that_come_while_it_stops_are_refused_and_pings_answered(server: Server) -> None:
    async with client(server) as socket:
        await socket.request("ping")
        [hub] = [hub for hub in hubs._hubs.values() if hub.connections]
        hub.draining = True
        refused = (await socket.request("connect", session_token="x"))["data"]
        assert (refused["code"], refused["retry_after_ms"] > 0) == ("restarting", True)
        assert (await socket.request("ping"))["type"] == "pong"
        with pytest.raises(InvalidStatus) as refusal:
            async with client(server):
                pass
        assert (refusal.value.response.status_code, refusal.value.response.headers["Retry-After"]) == (503, "1")


async def _answers(trader: Client) -> dict[int, str]:
    """Return what each request was answered, until the socket is closed."""
    messages = trader.events
    try:
        while True:
            messages.append(await trader.receive())
    except ConnectionClosed:
        assert trader.connection.close_code == 4001
    replies = [message for message in messages if "request_id" in message]
    assert len(replies) == len({reply["request_id"] for reply in replies})
    return {r["request_id"]: r["data"].get("status") or r["data"]["code"] for r in replies}
