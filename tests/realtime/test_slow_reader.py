"""A reader that stops is cut off; the others do not notice."""

import asyncio
import socket

import pytest

from realtime import hubs
from realtime.orm import in_orm
from tests.builders import a_token, an_account, execute
from tests.serving import Server, client
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_stalled_reader_is_closed_and_the_others_get_everything(settings: object, server: Server) -> None:
    settings.HYPERORU_MAX_QUEUED_BYTES = 200_000  # type: ignore[attr-defined]
    account, token = await in_orm(_world)
    reasoning = "x" * 150_000
    decision = SubmitDecision("m", "BTC", Action.HOLD, reasoning)
    # A small window: little fits into the sockets' own buffers before the server has to wait.
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect(("127.0.0.1", server.port))
    async with client(server, token) as good, client(server, token, sock=narrow) as stalled:
        await good.request("subscribe", channels=["model_chat"])
        await stalled.request("subscribe", channels=["model_chat"])
        stalled.connection.transport.pause_reading()
        [hub] = [hub for hub in hubs._hubs.values() if len(hub.connections) == 2]
        sent = 0
        async with asyncio.timeout(30):
            while len(hub.connections) == 2:
                await in_orm(lambda: _submit(account, decision))
                sent += 1
                await good.event("model_chat_update")
        assert sent > 1
        assert (await good.request("ping"))["type"] == "pong"
        stalled.connection.transport.abort()


def _world() -> tuple[object, str]:
    account = an_account()
    return account, a_token(account.owner)


def _submit(account: object, decision: SubmitDecision) -> None:
    execute(account, decision)  # type: ignore[arg-type]
