"""Under each server, from a port or a Unix socket, it is the server that tells where a socket comes from."""

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import ConnectionClosed

from tests.commands.processes import PATIENCE_S, ROOT, Place

ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}


def started_by(place: Place) -> dict[str, list[str]]:
    application, port = "hyperoru.asgi:application", str(place.port)
    return {
        "serve": [sys.executable, "manage.py", "serve", "--port", port, "--role", "web"],
        "daphne": [sys.executable, "-m", "daphne", "-p", port, application],
        "uvicorn": [sys.executable, "-m", "uvicorn", application, "--port", port, "--no-proxy-headers"],
    }


async def is_let_in(place: Place, **headers: str) -> bool:
    """Open a second socket beside one that stays open; tell whether it is served too."""
    async with (
        connect(place.server.socket_url) as first,
        connect(place.server.socket_url, additional_headers=headers) as second,
    ):
        await first.send('{"type":"ping"}')
        await first.recv()
        return await is_served(second)


async def is_served(socket: Any) -> bool:
    with contextlib.suppress(ConnectionClosed):
        await socket.send('{"type":"ping"}')
        await socket.recv()
        return True
    assert socket.close_code == 4504
    return False


@pytest.mark.parametrize("how", ["serve", "daphne", "uvicorn"])
async def test_no_header_moves_a_socket_elsewhere(how: str, tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_UNAUTHENTICATED_PER_ADDRESS="1")
    place.prepare()
    with place.running(*started_by(place)[how]):
        assert not await is_let_in(place, **ELSEWHERE)


@pytest.mark.parametrize("how", ["serve", "daphne", "uvicorn"])
async def test_the_header_of_a_trusted_proxy_does(how: str, tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_UNAUTHENTICATED_PER_ADDRESS="1", HYPERORU_TRUSTED_PROXIES="10.0.0.1, 127.0.0.0/8")
    place.prepare()
    with place.running(*started_by(place)[how]):
        assert await is_let_in(place, **ELSEWHERE)


@pytest.mark.parametrize("option", ["daphne -u", "uvicorn --uds"])
@pytest.mark.parametrize("trusted", ["", "unix"])
async def test_peers_of_a_unix_socket_count_where_it_is_trusted(option: str, trusted: str, tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_UNAUTHENTICATED_PER_ADDRESS="1", HYPERORU_TRUSTED_PROXIES=trusted)
    place.prepare()
    path = str(tmp_path / "socket")
    words = [sys.executable, "-m", *option.split(), path, "hyperoru.asgi:application"]
    with place.running(*words, answers=False) as process:
        await until_there(path, process)
        async with over(path) as first, over(path) as second:
            assert await is_served(first)
            assert await is_served(second) == (trusted == "")


def over(path: str) -> unix_connect:
    return unix_connect(path, "ws://localhost/ws", additional_headers=ELSEWHERE)


async def until_there(path: str, process: "subprocess.Popen[str]") -> None:
    """Wait until a Unix socket is listened on."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            assert process.poll() is None
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_unix_connection(path)
                writer.close()
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.1/8", "::ffff:127.0.0.1", "::ffff:127.0.0.1/104"])
def test_server_and_application_trust_the_same_proxies(trusted: str, tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_TRUSTED_PROXIES=trusted)
    said = "import hyperoru.asgi, hyperoru.serving, realtime.addresses as a; from django.conf import settings;"
    said += "from uvicorn.middleware.proxy_headers import _TrustedHosts;"
    said += "theirs = _TrustedHosts(hyperoru.serving.server_config().forwarded_allow_ips);"
    said += "ours = a._trusted(tuple(settings.HYPERORU_TRUSTED_PROXIES));"
    said += "print(*('127.0.0.1' in each for each in (ours, theirs)))"
    assert run(place, "-c", said).stdout.split() == ["True", "True"]


def test_what_is_no_address_is_refused_at_the_start(tmp_path: Path) -> None:
    place = Place(tmp_path, HYPERORU_TRUSTED_PROXIES="10.0.0.1,proxy.internal")
    checked = run(place, "manage.py", "check")
    assert checked.returncode != 0
    assert "HYPERORU_TRUSTED_PROXIES has 'proxy.internal'" in checked.stderr


@pytest.mark.parametrize(
    "name",
    [
        "MESSAGES_PER_S",
        "MESSAGES_BURST",
        "MALFORMED_BURST",
        "ORDERS_PER_S",
        "ORDERS_BURST",
        "CANCELS_PER_S",
        "CANCELS_BURST",
        "UNAUTHENTICATED_PER_ADDRESS",
        "SOCKETS_PER_ADDRESS",
    ],
)
def test_a_number_below_nothing_is_refused_at_the_start(name: str, tmp_path: Path) -> None:
    checked = run(Place(tmp_path, **{f"HYPERORU_{name}": "-1"}), "-c", "import hyperoru.settings")
    assert checked.returncode != 0
    assert f"HYPERORU_{name} is -1" in checked.stderr


def run(place: Place, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=place.environment, capture_output=True, text=True, check=False
    )
