"""Thousands of connections held open by one process, and what orders feel of them."""

import time

from bench.load.calls import Caller, call_for, percentile
from bench.load.sockets import Client, Sockets
from bench.run import Run
from bench.scenarios.fanout import SUBSCRIBE
from bench.scenarios.orders import traders
from bench.scenarios.pings import PING

TRADERS = 10
PATIENCE_S = 60.0


def many(run: Run) -> None:
    """Measure orders before, while and after the connections are open; in the end each of them must answer."""
    plan = run.plan
    with run.serving("hyperoru") as servers, run.sockets() as sockets:
        for name, server in servers.items():
            callers = traders(sockets, server, run.template.traded, TRADERS)
            _measure(run, sockets, name, "alone", callers)
            began = time.monotonic()
            crowd = sockets.open(server.port, plan.many, [*server.hello(), SUBSCRIBE])
            run.tell(f"  {name}: {plan.many:,} connections opened in {time.monotonic() - began:.0f} s")
            _measure(run, sockets, name, "held", callers)
            run.results.add("many.open", name, _answering(sockets, crowd))
            sockets.close(crowd)
            _settle(sockets)
            _measure(run, sockets, name, "alone", callers)


def _measure(run: Run, sockets: Sockets, name: str, key: str, callers: list[Caller]) -> None:
    called = call_for(sockets, callers, run.plan.many_seconds)
    p50, p99 = (percentile(called.latencies, share) * 1000 for share in (0.5, 0.99))
    run.results.add(f"many.{key}.p50", name, p50)
    run.results.add(f"many.{key}.p99", name, p99)
    run.tell(f"  {name}: orders, {key}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def _answering(sockets: Sockets, crowd: list[Client]) -> int:
    """Return how many of the connections answer a ping."""
    before = sockets.received
    alive = [client for client in crowd if not client.closed]
    for client in alive:
        client.send(PING)
    end = time.monotonic() + PATIENCE_S
    while sockets.received - before < len(alive) and time.monotonic() < end:
        sockets.pump(0.5)
    return sockets.received - before


def _settle(sockets: Sockets, seconds: float = 2.0) -> None:
    """Let the server clear away what was dropped."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sockets.pump(0.1)
