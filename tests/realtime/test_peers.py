"""Peers that break off, stop reading or ask without end are let go of, whole: socket, buffer and place."""

import asyncio
import logging
import os
import socket
import struct
from typing import Any

import psutil
import pytest

from hyperoru import websocket
from realtime import hubs
from realtime.orm import in_orm
from tests.builders import a_token, an_account, execute
from tests.serving import Server, client
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action

pytestmark = pytest.mark.django_db(transaction=True)
PING, CLOSE, TEXT, CONTINUATION, FIN = 0x9, 0x8, 0x1, 0x0, 0x80


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """Build a client's frame: masked, with a mask of zeros."""
    assert len(payload) < 126
    return bytes(((FIN if fin else 0) | opcode, 0x80 | len(payload))) + b"\0\0\0\0" + payload


def held_by_server(server: Server) -> int:
    """Count the sockets that the server still holds, whatever their state."""
    held = psutil.Process().net_connections("tcp")
    return sum(1 for each in held if each.laddr.port == server.port and each.status != psutil.CONN_LISTEN)


async def until_let_go(server: Server) -> None:
    async with asyncio.timeout(20):
        while held_by_server(server) or any(hub.connections for hub in hubs._hubs.values()):
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_PATIENCE_S", 0.2)
    monkeypatch.setattr(websocket, "CUT_PATIENCE_S", 0.2)


@pytest.mark.parametrize("how", ["closes", "half-closes"])
async def test_a_peer_that_does_not_read_and_then_breaks_off_is_let_go_of(how: str, server: Server) -> None:
    account, token = await in_orm(_world)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", server.port))
    async with client(server, token, sock=narrow) as stalled:
        await stalled.request("subscribe", channels=["model_chat"])
        stalled.connection.transport.pause_reading()
        # More than the system's buffers take, less than the queue's bound.
        await in_orm(lambda: execute(account, SubmitDecision("m", "BTC", Action.HOLD, "x" * 900_000)))
        other = os.dup(narrow.fileno())
        raw = socket.socket(fileno=other)
        if how == "closes":
            raw.sendall(frame(CLOSE, struct.pack("!H", 1000)))
        else:
            raw.shutdown(socket.SHUT_WR)
        await until_let_go(server)
        raw.close()
        stalled.connection.transport.abort()


async def test_a_peer_that_pings_without_end_is_closed(server: Server) -> None:
    async with client(server) as good, client(server) as flooding:
        for _ in range(websocket.MOST_PINGS_PER_S * 3):
            flooding.connection.transport.write(frame(PING, b"x" * 100))
        assert await flooding.close_code() == 4013
        assert (await good.request("ping"))["type"] == "pong"


async def test_pings_at_a_sane_pace_are_answered(server: Server) -> None:
    async with client(server) as socket:
        for _ in range(20):
            await (await socket.connection.ping())
        assert (await socket.request("ping"))["type"] == "pong"


async def test_a_message_in_pieces_without_end_is_refused(server: Server) -> None:
    async with client(server) as socket:
        socket.connection.transport.write(frame(TEXT, b"{", fin=False))
        for _ in range(websocket.MOST_FRAGMENTS + 1):
            socket.connection.transport.write(frame(CONTINUATION, fin=False))
        assert await socket.close_code() == 1009


async def test_no_utf8_and_a_close_at_once_leave_no_error_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with client(server) as socket:
            socket.connection.transport.write(frame(TEXT, b"\xff\xfe") + frame(CLOSE, struct.pack("!H", 1000)))
            await socket.close_code()
        await until_let_go(server)
    assert [record.getMessage() for record in caplog.records] == []


def _world() -> tuple[Any, str]:
    account = an_account()
    return account, a_token(account.owner)
