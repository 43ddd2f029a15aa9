"""Noise and malice: each frame is answered once, nothing changes that may not, and nothing grows."""

import asyncio
import logging
import os
import random
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from realtime import hubs
from realtime.orm import in_orm
from tests.builders import a_token, an_account
from tests.commands.processes import Place
from tests.faults import records
from tests.faults.fuzzing import Fuzzed, Fuzzer
from tests.faults.load import UNLIMITED, until
from tests.faults.raw import BINARY, PING, PONG, TEXT, RawSocket, frame, raw_socket
from tests.serving import Server, client

FRAMES = int(os.environ.get("HYPERORU_TEST_FRAMES", "200000"))
SEED = os.environ.get("HYPERORU_TEST_SEED") or str(random.randrange(10**9))
WINDOW = 300
SOCKETS = 4
GROWTH_BYTES = 48 * 1024 * 1024
EVENTS = {"price_update", "position_update", "order_update", "trade_update", "asset_curve_update", "model_chat_update"}
SEEDED = """
users: [{username: owner}, {username: stranger}, {username: reader}, {username: gambler},
        {username: ops, staff: true, superuser: true}]
accounts:
  - {owner: owner, name: Main, starting_capital: 100000, access: [{user: reader, role: viewer}]}
  - {owner: owner, name: Frozen, starting_capital: 100000, status: frozen, access: [{user: stranger, role: trader}]}
  - {owner: gambler, name: Casino, starting_capital: 100000}
tokens:
  - {user: stranger, label: t, scope: trade}
  - {user: reader, label: t, scope: read}
  - {user: gambler, label: t, scope: trade}
  - {user: ops, label: t, scope: trade}
"""
MAIN, FROZEN, CASINO, NOWHERE = 1, 2, 3, 99


class Envelope(msgspec.Struct):
    type: str
    request_id: str | int | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Code(msgspec.Struct):
    code: str


decode = msgspec.json.Decoder(Envelope).decode
decode_code = msgspec.json.Decoder(Code).decode


class Session:
    """One socket that sends fuzzed frames, a window at a time, and counts their answers."""

    def __init__(self, place: Place, token: str, fuzzer: Fuzzer) -> None:
        self.codes: Counter[str] = Counter()
        self._place = place
        self._token = token
        self._fuzzer = fuzzer

    async def send(self, number: int) -> None:
        async with raw_socket(self._place.port) as socket:
            await socket.send(
                frame(b'{"type":"connect","request_id":"c","data":{"session_token":"%s"}}' % self._token.encode())
            )
            await self._answers(socket, {"c"}, 1, [])
            while number > 0:
                sent = [self._fuzzer.frame() for _ in range(min(WINDOW, number))]
                number -= len(sent)
                data = [frame(each.text.encode()) for each in sent]
                if number % 2:
                    data.append(frame(os.urandom(20), BINARY))
                    data.append(frame(data[0][-9:], BINARY))
                await socket.send(b"".join(data))
                ids = {each.request_id for each in sent if each.request_id is not None}
                await self._answers(socket, ids, len(data), sent)

    async def _answers(self, socket: RawSocket, ids: set[str | int], number: int, sent: list[Fuzzed]) -> None:
        """Take so many answers, among them one for each id, and see that no more come."""
        told = [each.text for each in sent]
        ids = set(ids)
        await socket.send(frame(b'{"type":"ping","request_id":"end"}'))
        ended = False
        while number or not ended:
            opcode, payload = await socket.receive()
            assert opcode == TEXT, (opcode, payload, told)
            answer = decode(payload)
            if answer.request_id == "end" and not ended:
                ended = True
                continue
            if answer.request_id is None and answer.type in EVENTS:
                continue
            number -= 1
            assert number >= 0, (payload, told)
            code = decode_code(answer.data).code if answer.type == "error" else answer.type
            self.codes[code] += 1
            assert code != "internal", (payload, told)
            ids.discard(answer.request_id)  # type: ignore[arg-type]
        assert not ids, [each.text for each in sent if each.request_id in ids]


def dump(place: Place) -> list[str]:
    connection = sqlite3.connect(place.folder / "hyperoru.sqlite3", timeout=20)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def seeded(place: Place) -> dict[str, str]:
    file = place.folder / "seed.yaml"
    file.write_text(SEEDED)
    place.manage("migrate", "--verbosity", "0")
    made = msgspec.json.decode(place.manage("seed_accounts", "--file", str(file), "--json"))
    return {token["username"]: token["token"] for token in made["tokens"]}


@pytest.mark.sqlite
async def test_200_000_fuzzed_frames_are_answered_once_each_and_change_nothing(tmp_path: Path) -> None:
    print(f"HYPERORU_TEST_SEED={SEED}")
    place = Place(tmp_path, HYPERORU_MAX_IN_FLIGHT="100000", **UNLIMITED)
    tokens = await asyncio.to_thread(seeded, place)

    def sessions(user: str, accounts: list[int], number: int = SOCKETS) -> list[Session]:
        orders = [f"{user}-{index}" for index in range(400)]
        return [
            Session(place, tokens[user], Fuzzer(f"{SEED}/{user}/{index}", tokens[user], accounts, orders))
            for index in range(number)
        ]

    with place.running(sys.executable, "manage.py", "serve", "--role", "web", "--port", str(place.port)) as process:
        for symbol, mark in (("BTC", 68_500), ("ETH", 3_500)):
            await asyncio.to_thread(place.put, f"/api/market/{symbol}/", {"mark": mark}, tokens["ops"])
        harmless = sessions("stranger", [FROZEN, MAIN, NOWHERE]) + sessions("reader", [MAIN, FROZEN, CASINO])
        server = psutil.Process(process.pid)

        async def fuzz(chosen: list[Session], number: int) -> None:
            await asyncio.gather(*(session.send(number // len(chosen)) for session in chosen))
            await until(lambda: not [c for c in server.net_connections("tcp") if c.status == psutil.CONN_ESTABLISHED])

        await fuzz(harmless, FRAMES // 10)
        before, warm = await asyncio.to_thread(dump, place), server.memory_info().rss
        await fuzz(harmless, FRAMES * 7 // 10)
        assert await asyncio.to_thread(dump, place) == before
        gamblers = sessions("gambler", [CASINO, CASINO, MAIN])
        await fuzz(gamblers, FRAMES * 2 // 10)
        assert server.memory_info().rss - warm < GROWTH_BYTES
        told = sum((session.codes for session in harmless), Counter[str]())
        won = sum((session.codes for session in gamblers), Counter[str]())
        print(told, won, warm, server.memory_info().rss - warm)
    records.log(place)
    records.assert_books_balance(place)
    stored = records.orders(place)
    assert {row[0] for row in records.rows(place, "SELECT DISTINCT account_id FROM trading_order")} == {CASINO}
    assert max(count for name, count in stored.items() if name is not None) == 1
    # The noise must have reached every part: what is refused at the first check tests nothing.
    assert set(told) >= {"bad_json", "bad_request", "unknown_type", "forbidden", "not_found", "account_frozen", "pong"}
    assert set(won) >= {"place_order", "cancel_order", "order_rejected", "duplicate_client_order_id", "not_open"}
    logged = place.logged()
    assert "Traceback" not in logged, logged[:5_000]


GARBAGE: dict[str, tuple[list[bytes], set[int | None]]] = {
    "a reserved opcode": ([frame(b"x", 3)], {1002}),
    "a reserved control opcode": ([frame(b"x", 11)], {1002}),
    "an unmasked frame": ([frame(b"{}", masked=False)], {1002}),
    "reserved bits": ([frame(b"{}", reserved=4)], {1002}),
    "a continuation of nothing": ([frame(b"{}", 0)], {1002}),
    "a text inside a fragmented one": ([frame(b"{", fin=False), frame(b"}")], {1002}),
    "a fragmented ping": ([frame(b"x", PING, fin=False)], {1002}),
    "a ping of 126 bytes": ([frame(b"x" * 126, PING)], {1002}),
    "a length of 2**62": ([b"\x81\xff" + (2**62).to_bytes(8, "big") + bytes(4)], {1009}),
    "a length of 2**64 - 1": ([b"\x81\xff" + b"\xff" * 8 + bytes(4)], {1002, 1009}),
    "65,537 bytes": ([frame(b"x" * 65_537)], {1009}),
    "65,537 bytes in two": ([frame(b"x" * 40_000, fin=False), frame(b"x" * 25_537, 0)], {1009}),
    "no UTF-8": ([frame(b'{"type":"\xff\xfe"}')], {1007}),
    "half a character": ([frame(b'{"type":"\xe2\x82')], {1007}),
    "a surrogate in UTF-8": ([frame(b'"\xed\xa0\x80"')], {1007}),
    "a close with one byte": ([frame(b"\x03", 8)], {1002}),
    "a close with a wrong code": ([frame((999).to_bytes(2, "big"), 8)], {1002}),
    "a close whose reason is no UTF-8": ([frame(b"\x03\xe8\xff", 8)], {1007, 1002}),
    "five wrong tokens": ([frame(b'{"type":"connect","data":{"session_token":"x"}}')] * 5, {4500}),
    "HTTP": ([b"GET / HTTP/1.1\r\n\r\n"], {1002, 1009, None}),
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
async def test_garbage_closes_its_own_socket_and_leaves_nothing_behind(server: Server, settings: Any) -> None:
    print(f"HYPERORU_TEST_SEED={SEED}")
    for name in ("UNAUTHENTICATED_PER_ADDRESS", "SOCKETS_PER_ADDRESS", "MESSAGES_PER_S", "MALFORMED_BURST"):
        setattr(settings, f"HYPERORU_{name}", 0)
    account = await in_orm(an_account)
    token = await in_orm(a_token, account.owner)
    rng = random.Random(SEED)
    async with client(server, token) as watcher:
        await watcher.request("subscribe", channels=["trades"])
        [hub] = [hub for hub in hubs._hubs.values() if hub.connections]
        complaints = Complaints()  # begun only now: the application sets logging up when it is first asked
        before = len(asyncio.all_tasks(hub._loop))
        for _ in range(10):
            for name, (frames, codes) in GARBAGE.items():
                async with raw_socket(server.port) as socket:
                    await socket.send(b"".join(frames))
                    assert await socket.close_code() in codes, name
            await asyncio.gather(*(noise(server.port, rng.randbytes(rng.randrange(1, 400))) for _ in range(20)))
        async with raw_socket(server.port) as socket:  # fragments with a ping in between are one frame, and right
            text = b'{"type":"ping","request_id":"x"}'
            parts = [
                frame(text[:5], fin=False),
                frame(b"hello", PING),
                frame(text[5:9], 0, fin=False),
                frame(text[9:], 0),
            ]
            for part in parts:
                await socket.send(part)
            assert await socket.receive() == (PONG, b"hello")
            opcode, payload = await socket.receive()
            assert (opcode, decode(payload).request_id) == (TEXT, "x")
        await until(lambda: len(hub.connections) == 1)
        await until(lambda: len(asyncio.all_tasks(hub._loop)) <= before)
        assert (await watcher.request("ping"))["type"] == "pong"
    complaints.end()
    assert complaints.heard == []


class Complaints(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())

    def end(self) -> None:
        logging.getLogger().removeHandler(self)


async def noise(port: int, data: bytes) -> None:
    """Send random bytes over an open socket and go: what comes back does not matter."""
    async with raw_socket(port) as socket:
        await socket.send(data)
