"""Many clients come back at once, each having missed many events; a bystander pings meanwhile."""

import time

from bench.load.broadcast import Publisher
from bench.load.calls import percentile
from bench.load.frames import request
from bench.load.sockets import Sockets
from bench.load.witness import witness
from bench.run import Run
from bench.scenarios.fanout import SUBSCRIBE
from bench.servers.process import Server

PING_EVERY_S = 0.005
PATIENCE_S = 120.0


def resume(run: Run) -> None:
    plan = run.plan
    with run.serving("hyperoru") as servers, run.sockets() as sockets:
        for name, server in servers.items():
            place = _fill(run, sockets, server)
            frame = request("subscribe", "resume", channels=["orders"], resume={"orders": place})
            for repeat in range(plan.resume_repeats):
                clients = sockets.open(server.port, plan.resumers, server.hello())
                wanted = plan.resumers * (plan.missed + 1)
                with witness(server.port, server.hello(), "ping", PING_EVERY_S) as bystander:
                    before, start = sockets.received, time.perf_counter()
                    with run.watching_generator("resume"):
                        for client in clients:
                            client.send(frame)
                        while sockets.received - before < wanted:
                            sockets.pump(0.5)
                            if time.perf_counter() > start + PATIENCE_S:
                                raise TimeoutError(f"{sockets.received - before:,} of {wanted:,} frames came")
                    took = time.perf_counter() - start
                sockets.close(clients)
                p99 = percentile(bystander.latencies, 0.99) * 1000
                run.results.add("resume.all", name, took)
                run.results.add("resume.rate", name, plan.resumers * plan.missed / took)
                run.results.add("resume.bystander", name, p99)
                run.tell(f"  resume {repeat + 1}: {took:.1f} s, bystander's p99 {p99:.1f} ms")


def _fill(run: Run, sockets: Sockets, server: Server) -> dict[str, object]:
    """Publish what will be missed; return the place before it."""
    (reader,) = sockets.open(server.port, 1, server.hello())
    reader.keep = True
    place = sockets.call(reader, SUBSCRIBE)["data"]["streams"]["orders"]
    reader.keep = False
    (client,) = sockets.open(server.port, 1, server.hello())
    publisher = Publisher(client, server.publishing())
    before, published = sockets.received, 0
    while (arrived := sockets.received - before) < run.plan.missed:
        count = min(run.plan.missed, arrived + run.plan.window(1)) - published
        if count:
            publisher.publish(count)
            published += count
        sockets.pump(0.5)
    sockets.close([reader])
    return {"epoch": place["epoch"], "seq": place["seq"]}
