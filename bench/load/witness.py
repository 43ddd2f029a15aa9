"""A process beside the generator that sends one request at fixed times and notes how long each answer takes.

It sends whether or not the last answer has come, so a server that stalls is not asked less often for it. Started by
`Witness`; as a module it reads its task from standard input, begins, and tells all when the input ends.
"""

import json
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.load.frames import request
from bench.load.sockets import Client, Refused, Sockets

PATIENCE_S = 60.0


class Witness:
    """What the process saw: `seen` are pairs of seconds, when the request was sent and how long its answer took."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    @property
    def latencies(self) -> list[float]:
        return [took for _, took in self.seen]


@contextmanager
def witness(port: int, hello: Sequence[bytes], kind: str, every: float, account: int = 0) -> Iterator[Witness]:
    """Run a witness until the block ends. `kind` is `ping` or `order`."""
    task = {"port": port, "hello": [each.hex() for each in hello], "kind": kind, "every": every, "account": account}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load.witness"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    found = Witness()
    try:
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the witness did not start")
        yield found
        told, _ = process.communicate(timeout=2 * PATIENCE_S)
        if process.returncode:
            raise RuntimeError("the witness failed")
        found.seen = [(sent, took) for sent, took in json.loads(told)]
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


class _Watch:
    """Requests at fixed times over one socket."""

    def __init__(self, client: Client, task: dict[str, Any]) -> None:
        self._client = client
        self._task = task
        self._sent: deque[float] = deque()
        self._number = 0
        self.seen: list[tuple[float, float]] = []
        client.react = self._answered
        client.keep = True

    @property
    def waiting(self) -> bool:
        return bool(self._sent)

    def send(self) -> None:
        self._sent.append(time.perf_counter())
        self._client.send(self._frame())
        self._number += 1

    def _frame(self) -> bytes:
        if self._task["kind"] == "ping":
            return request("ping", self._number)
        return request(
            "place_order", self._number, account_id=self._task["account"], symbol="BTC", size="0.001",
            side="sell" if self._number % 2 else "buy", order_type="market", client_order_id=f"witness-{self._number}",
        )  # fmt: skip

    def _answered(self, client: Client, frames: int) -> None:
        now = time.perf_counter()
        for payload in client.inbox:
            if b'"error"' in payload[:60]:
                raise Refused(payload.decode())
            sent = self._sent.popleft()
            self.seen.append((sent, now - sent))
        client.inbox.clear()


def main() -> None:
    task = json.loads(sys.stdin.readline())
    sockets = Sockets()
    (client,) = sockets.open(task["port"], 1, [bytes.fromhex(each) for each in task["hello"]])
    watch = _Watch(client, task)
    print("ready", flush=True)
    due = time.perf_counter()
    while not select.select([sys.stdin], [], [], 0)[0]:
        if time.perf_counter() >= due:
            watch.send()
            due += task["every"]
        sockets.pump(max(0.0, min(0.05, due - time.perf_counter())))
    end = time.monotonic() + PATIENCE_S
    while watch.waiting and time.monotonic() < end and not client.closed:
        sockets.pump(0.1)
    print(json.dumps(watch.seen))


if __name__ == "__main__":
    main()
