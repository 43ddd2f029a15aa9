"""A database that hangs: requests are told in time, and the process ends all the same."""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.commands.processes import Place
from tests.commands.test_shutdown import ORDER, serve
from tests.faults.servers import running_postgresql
from tests.serving import client

ENDED_WITHIN_S = 10.0
TOLD_WITHIN_S = 12.0
DESK_IS_FREE = {"HYPERORU_EQUITY_EVERY_S": "600"}
"""An order that waits behind the engine's own would be `unavailable`: it was not begun."""


@contextmanager
def postgresql_hanging(url: str) -> Iterator[None]:
    """Stop the server and all its processes, as one that swaps, or whose disk is gone."""
    folder = url.rpartition("host=")[2]
    mine = [each for each in psutil.process_iter(["cmdline"]) if folder in (each.info["cmdline"] or [])]
    processes = [*mine, *(child for each in mine for child in each.children(recursive=True))]
    assert processes
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


@contextmanager
def written_by_another(place: Place) -> Iterator[None]:
    """Hold SQLite's write lock."""
    with closing(sqlite3.connect(place.folder / "hyperoru.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_it_ends_and_answers_an_order_while_another_process_holds_the_write_lock(tmp_path: Path) -> None:
    place = Place(tmp_path, **DESK_IS_FREE)
    tokens = place.prepare()
    with place.running(*serve(place)) as process:
        await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, tokens["ops"])
        async with client(place.server, tokens["demo"]) as trader:
            with written_by_another(place):
                await trader.send("place_order", ORDER, request_id="begun")
                await trader.request("get_snapshot", account_id=1)
                began = time.monotonic()
                os.kill(process.pid, signal.SIGTERM)
                assert (await trader.reply("begun"))["data"]["code"] == "execution_unknown"
                assert await trader.close_code() == 4001
                assert await asyncio.to_thread(process.wait, 15) == 1
                assert time.monotonic() - began < ENDED_WITHIN_S
    [told] = [line for line in place.logged().splitlines() if "CRITICAL" in line]
    assert "engine in trading/" in told
    assert "desk in trading/" in told


async def test_a_hanging_postgresql_is_told_as_unavailable_and_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    with running_postgresql() as postgresql:
        place = Place(tmp_path, DATABASE_URL=postgresql.url, HYPERORU_ORM_THREADS="1", **DESK_IS_FREE)
        tokens = place.prepare()
        with place.running(*serve(place)) as process:
            await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, tokens["ops"])
            async with client(place.server, tokens["demo"]) as first, client(place.server, tokens["demo"]) as second:
                with postgresql_hanging(postgresql.url):
                    began = time.monotonic()
                    for trader in (first, second):
                        await trader.send("get_snapshot", {"account_id": 1}, request_id="read")
                    await first.send("place_order", ORDER, request_id="order")
                    codes = [(await each.reply("read"))["data"]["code"] for each in (first, second)]
                    assert codes == ["unavailable"] * 2
                    told = time.monotonic()
                    late = await first.request("get_snapshot", account_id=1)
                    assert late["data"]["code"] == "unavailable"  # the only thread hangs: at once
                    assert time.monotonic() - told < 1
                    assert (await first.reply("order"))["data"]["code"] == "execution_unknown"
                    assert time.monotonic() - began < TOLD_WITHIN_S
                # It was only slow: what hung comes back, and so do the threads.
                async with asyncio.timeout(20):
                    while (await first.request("get_snapshot", account_id=1))["type"] != "snapshot":
                        await asyncio.sleep(0.1)
                with postgresql_hanging(postgresql.url):
                    began = time.monotonic()
                    os.kill(process.pid, signal.SIGTERM)
                    assert await asyncio.to_thread(process.wait, 15) == 1
                    assert time.monotonic() - began < ENDED_WITHIN_S
    assert "engine in trading/" in next(line for line in place.logged().splitlines() if "CRITICAL" in line)


async def test_an_engine_alone_ends_while_the_write_lock_is_held(tmp_path: Path) -> None:
    place = Place(tmp_path, LOG_LEVEL="INFO")
    place.prepare()
    with place.running(sys.executable, "manage.py", "run_engine", answers=False) as process:
        async with asyncio.timeout(20):
            while "leads" not in place.logged():
                await asyncio.sleep(0.05)
        with written_by_another(place):
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 15) == 1
            assert time.monotonic() - began < ENDED_WITHIN_S
    assert "CRITICAL" in place.logged()


def test_a_signal_that_comes_as_soon_as_the_port_is_open_ends_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.prepare()
    with place.running(*serve(place), answers=False) as process:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", place.port), 0.2).close()
                break
            except OSError:
                time.sleep(0.002)  # between two looks; what is waited for is the port
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_a_peer_that_sends_no_whole_request_head_is_dropped(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.prepare()
    with place.running(*serve(place)), closing(socket.create_connection(("127.0.0.1", place.port))) as silent:
        with closing(socket.create_connection(("127.0.0.1", place.port))) as halting:
            halting.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HTTP/1.1\r\nHost")
            halting.settimeout(20)
            received = b""
            while more := halting.recv(65536):
                received += more
            assert received.count(b"200 OK") == 1
        silent.settimeout(20)
        assert silent.recv(1) == b""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_nothing_is_logged_as_an_error_when_it_ends(name: str, tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_MARKET="replay", HYPERORU_REPLAY_SPEED="3600")
    place.prepare()
    with place.running(*serve(place)) as process:
        process.send_signal(signal.Signals[name])
        assert process.wait(15) == 0
    assert not [line for line in place.logged().splitlines() if "ERROR" in line or "Traceback" in line]
