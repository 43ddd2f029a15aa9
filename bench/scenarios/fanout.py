"""One event to many subscribers: deliveries a second, their cost, and when the last of them has it."""

import time
from statistics import median

from bench.load.broadcast import Publisher, broadcast_for, broadcast_once
from bench.load.frames import request
from bench.load.sockets import Sockets
from bench.run import Run
from bench.servers.process import Server

SUBSCRIBE = request("subscribe", "subscribe", channels=["orders"])
LEAST_ROUNDS = 3


def fanout(run: Run) -> None:
    """Measure each size on every server in turn; the crowds stay open and grow."""
    plan = run.plan
    names = ("hyperoru", "hyperoru-redis", "stock-redis", "stock-pubsub", "picows")
    with run.serving(*names) as servers, run.sockets() as sockets:
        publishers = {}
        for name, server in servers.items():
            (client,) = sockets.open(server.port, 1, server.hello())
            publishers[name] = Publisher(client, server.publishing())
        members = 0
        for size in plan.fanout:
            for server in servers.values():
                sockets.open(server.port, size - members, [*server.hello(), SUBSCRIBE])
            members = size
            for repeat in range(plan.repeats):
                for name, server in servers.items():
                    _measure(run, sockets, name, server, publishers[name], members)
                    if members == plan.last_of:
                        _last(run, sockets, name, publishers[name], members)
                run.tell(f"  fan-out to {members:,}: repeat {repeat + 1} of {plan.repeats}")


def _measure(run: Run, sockets: Sockets, name: str, server: Server, publisher: Publisher, members: int) -> None:
    used = server.cpu_seconds()
    with run.watching_generator("fanout") as generator:
        done = broadcast_for(sockets, publisher, members, run.plan.window(members), run.plan.seconds)
    used = server.cpu_seconds() - used
    add = run.results.add
    add(f"fanout@{members}", name, done.rate)
    add(f"fanout.lost@{members}", name, 100 * done.lost / max(done.lost + done.deliveries, 1))
    add(f"fanout.cpu@{members}", name, 1e6 * used / max(done.all_deliveries, 1))
    add(f"fanout.generator@{members}", name, 1e6 * generator.seconds / max(done.all_deliveries, 1))
    add(f"fanout.bytes@{members}", name, done.event_bytes)
    run.tell(f"    {name}: {done.rate:,.0f}/s, lost {done.lost}")


def _last(run: Run, sockets: Sockets, name: str, publisher: Publisher, members: int) -> None:
    end = time.monotonic() + run.plan.last_seconds
    times: list[float | None] = []
    while len(times) < LEAST_ROUNDS or (len(times) < run.plan.last_rounds and time.monotonic() < end):
        times.append(broadcast_once(sockets, publisher, members))
    arrived = [each * 1000 for each in times if each is not None]
    if len(arrived) == len(times):
        run.results.add(f"last.median@{members}", name, median(arrived))
        run.results.add(f"last.worst@{members}", name, max(arrived))
