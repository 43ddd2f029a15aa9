"""Full fan-out to many, with and without some that stop reading: what the others feel, and the server's memory."""

import time
from contextlib import suppress
from itertools import count

from bench.load.broadcast import Publisher, broadcast_for
from bench.load.calls import percentile
from bench.load.frames import request
from bench.load.sockets import Client, Sockets, connect, finish_handshake
from bench.plan import Plan
from bench.run import Run
from bench.scenarios.fanout import SUBSCRIBE
from bench.servers.process import Server
from bench.watch import slope, watching

SAMPLED = 50
SMALL_BUFFER = 4_096
UNREAD_PINGS = 4_000
"""What each stalled reader asks and never reads: it stalls at once, with about half its queue taken."""


class Sampled:
    """A subscriber whose arrivals are noted."""

    def __init__(self, client: Client) -> None:
        self.arrivals: list[float] = []
        client.react = self._arrived

    def _arrived(self, client: Client, frames: int) -> None:
        self.arrivals += [time.perf_counter()] * frames


def stalled(run: Run) -> None:
    plan = run.plan
    with run.serving("hyperoru") as servers, run.sockets() as sockets:
        for name, server in servers.items():
            (client,) = sockets.open(server.port, 1, server.hello())
            publisher = Publisher(client, server.publishing())
            crowd = sockets.open(server.port, plan.stall_members, [*server.hello(), SUBSCRIBE])
            sampled = [Sampled(each) for each in crowd[:: max(1, len(crowd) // SAMPLED)]]
            members = len(crowd) - len(sampled)
            broadcast_for(sockets, publisher, members, plan.window(members), plan.stall_seconds / 2)
            _settled(sockets, sampled, publisher)
            with watching(server) as memory:
                for repeat in range(plan.repeats):
                    for key in ("without", "with"):
                        some = _stall(server, plan) if key == "with" else []
                        p99 = _p99(run, sockets, publisher, sampled, members)
                        run.results.add(f"stall.{key}", name, p99 * 1000)
                        dropped = _release(some)
                        told = f", {dropped} of {len(some)} stalled were dropped" if some else ""
                        run.tell(f"  stalled {repeat + 1}: {key}: p99 {p99 * 1000:.0f} ms{told}")
            run.results.add("stall.slope", name, slope(memory.at, memory.rss) * 60 / 1e6)
            run.results.add("stall.growth", name, (memory.rss[-1] - memory.rss[0]) / 1e6)


def _p99(run: Run, sockets: Sockets, publisher: Publisher, sampled: list[Sampled], members: int) -> float:
    """Return the p99 of the seconds from publishing to each sampled subscriber."""
    with run.watching_generator("stalled"):
        broadcast_for(sockets, publisher, members, run.plan.window(members), run.plan.stall_seconds)
    published, arrivals = _settled(sockets, sampled, publisher)
    return percentile([came - sent for each in arrivals for sent, came in zip(published, each, strict=True)], 0.99)


def _settled(sockets: Sockets, sampled: list[Sampled], publisher: Publisher) -> tuple[list[float], list[list[float]]]:
    """Wait until the sampled subscribers have all; return and forget the times of publishing and arriving."""
    while any(len(each.arrivals) < len(publisher.times) for each in sampled):
        sockets.pump(0.1)
    published, publisher.times = publisher.times, []
    arrivals = [each.arrivals for each in sampled]
    for each in sampled:
        each.arrivals = []
    return published, arrivals


def _stall(server: Server, plan: Plan) -> list[Client]:
    """Open subscribers that ask much and never read."""
    numbers = count()
    opened = []
    for _ in range(max(1, round(plan.stall_members * plan.stall_share))):
        client = connect(server.port, SMALL_BUFFER)
        finish_handshake(client)
        client.send(b"".join([*server.hello(), SUBSCRIBE]))
        while client.frames < 2:
            client.frames += client.sock.recv(4096).count(b'"request_id"')
        client.sock.setblocking(False)
        pings = b"".join(request("ping", next(numbers)) for _ in range(UNREAD_PINGS))
        with suppress(BlockingIOError):  # a server that reads no more is as full as it can be
            client.sock.sendall(pings)
        opened.append(client)
    time.sleep(0.5)
    return opened


def _release(clients: list[Client]) -> int:
    """Close them; return how many the server had dropped."""
    dropped = 0
    for client in clients:
        try:
            while client.sock.recv(1 << 20):
                pass
            dropped += 1
        except BlockingIOError:
            pass
        except ConnectionError:
            dropped += 1
        client.sock.close()
    return dropped
