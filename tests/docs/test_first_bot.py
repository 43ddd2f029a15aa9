"""The first bot, run as its reader would run it."""

import ast
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from realtime import hubs
from realtime.protocol.errors import CLOSE_TOO_SLOW
from tests.builders import a_token, an_account, an_order, done, set_price
from tests.serving import Server
from trading.domain.enums import DecisionStatus
from trading.models import ModelDecision, Order, Trade

BOT = Path(__file__).resolve().parent.parent.parent / "examples" / "first_bot.py"
PATIENCE_S = 30.0
PRICES = cycle(["68500", "68400", "68300", "68400"])


class Output:
    """The lines that a process prints, as they come."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._new: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._new.put(line)

    def until(self, number: int, start: str, meanwhile: Callable[[], object] = lambda: None) -> list[str]:
        """Do something again and again until so many lines with this start were printed; return them."""
        end = time.monotonic() + PATIENCE_S
        while len(found := [line for line in self.lines if line.startswith(start)]) < number:
            assert time.monotonic() < end, self.lines
            assert self.process.poll() is None, self.lines
            meanwhile()
            try:
                self.lines.append(self._new.get(timeout=0.2))
            except queue.Empty:
                continue
        return found

    def all(self) -> list[str]:
        """Return what else was printed, once the process has ended."""
        return [self._new.get().rstrip() for _ in range(self._new.qsize())]

    def close(self) -> None:
        self._thread.join()


@contextmanager
def running(server: Server, token: str) -> Iterator[Output]:
    environment = {**os.environ, "HYPERORU_URL": server.socket_url, "HYPERORU_TOKEN": token}
    with subprocess.Popen(
        [sys.executable, str(BOT)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        output = Output(process)
        try:
            yield output
        finally:
            process.kill()
            output.close()


def move_the_price() -> None:
    set_price("BTC", next(PRICES))


def lines_of_code() -> int:
    source = BOT.read_text()
    docstring = ast.parse(source).body[0]
    written = source.splitlines()[docstring.end_lineno :]
    return len([line for line in written if line.strip() and not line.strip().startswith("#")])


def test_it_is_short() -> None:
    assert lines_of_code() < 40


def test_the_readme_has_the_very_same() -> None:
    readme = (BOT.parent.parent / "README.md").read_text()
    assert f"\n```python\n{BOT.read_text()}```\n" in readme


@pytest.mark.django_db(transaction=True)
def test_it_trades_and_resumes_where_it_was_cut_off(server: Server, settings: Any) -> None:
    settings.HYPERORU_REFRESH_S = 0.05
    account = an_account()
    move_the_price()
    with running(server, a_token(account.owner)) as output:
        output.until(1, "fill:", move_the_price)
        output.until(1, "order: filled", move_the_price)
        ordered = Order.objects.filter(account=account).order_by("id").first()
        assert ordered is not None
        assert str(ordered.client_order_id).startswith("first-bot-")
        decision = ModelDecision.objects.get(pk=ordered.decision_id)
        assert decision.client_decision_id == ordered.client_order_id
        assert (decision.model, decision.status) == (account.owner.username, DecisionStatus.ACCEPTED)

        cut_off(output.process)
        done(account, an_order("0.03"))  # no price moves and it is away: nothing but `resume` can bring this
        output.process.send_signal(signal.SIGCONT)
        output.until(1, "fill: buy 0.03")
        output.until(Trade.objects.filter(account=account).count() + 1, "fill:", move_the_price)
        assert len([line for line in output.lines if line.startswith("fill: buy 0.03")]) == 1


def cut_off(process: "subprocess.Popen[str]") -> None:
    """Hold the bot still and close its socket from the server's side."""
    [hub] = [hub for hub in hubs._hubs.values() if hub.connections]
    [connection] = hub.connections
    process.send_signal(signal.SIGSTOP)
    hub._loop.call_soon_threadsafe(connection.close, CLOSE_TOO_SLOW)
    end = time.monotonic() + PATIENCE_S
    while hub.connections:
        assert time.monotonic() < end
        time.sleep(0.01)  # between two looks; what is waited for is the end of the connection


@pytest.mark.django_db(transaction=True)
def test_a_wrong_token_ends_it_with_the_servers_words(server: Server) -> None:
    ended = subprocess.run(
        [sys.executable, str(BOT)],
        env={**os.environ, "HYPERORU_URL": server.socket_url, "HYPERORU_TOKEN": "nonsense"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert ended.returncode == 1
    assert "session_token is wrong" in ended.stderr


@pytest.mark.django_db(transaction=True)
def test_it_says_what_is_wrong_with_its_token_and_nothing_else(server: Server) -> None:
    with running(server, "hy_" + "0" * 64) as output:
        assert output.process.wait(PATIENCE_S) == 1
        output.close()
        assert output.all() == ["The session_token is wrong, expired or revoked; get a new one."]
