"""Leaderboards take turns: whoever compares many accounts holds up no other reader."""

import asyncio
import threading

import pytest
from django.conf import settings

from realtime.orm import in_turn
from tests.builders import a_token, an_account
from tests.serving import Server, client

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_snapshot_does_not_wait_for_leaderboards(server: Server) -> None:
    account = an_account()
    token = a_token(account.owner)
    begun, gate = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        gate.wait()

    async def run() -> None:
        holding = asyncio.create_task(in_turn(hold))
        async with client(server, token) as comparing, client(server, token) as reading:
            try:
                await asyncio.to_thread(begun.wait)
                numbers = range(100, 101 + settings.HYPERORU_ORM_THREADS)
                for number in numbers:
                    await comparing.send("get_leaderboard", {"timeframe": "24h"}, request_id=number)
                for _ in range(20):
                    assert (await reading.request("get_snapshot", account_id=account.pk))["type"] == "snapshot"
                assert await comparing.settle() == []
            finally:
                gate.set()
            await holding
            assert {(await comparing.reply(number))["type"] for number in numbers} == {"leaderboard"}

    asyncio.run(run())
