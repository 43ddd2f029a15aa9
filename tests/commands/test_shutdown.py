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


@pytest.mark.django_db(transaction=True)
async def test_requests_that_come_while_it_stops_are_refused_and_pings_answered(server: Server) -> None:
    async with client(server) as socket:
        await socket.request("ping")
        [hub] = [hub for hub in hubs._hubs.values() if hub.connections]
        hub.draining = True
        refused = (await socket.request("connect", session_token="x"))["data"]
        assert (refused["code"], refused["retry_after_ms"] > 0) == ("restarting", True)
        assert (await socket.request("ping"))["type"] == "pong"
        with pytest.raises(InvalidStatus):
            async with client(server):
                pass


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
