"""Round trips of the protocol's `ping`: many under way, and one at a time."""

from bench.load.calls import Caller, call_for, percentile
from bench.load.frames import request
from bench.run import Run

PING = request("ping", "ping")


def pings(run: Run) -> None:
    plan = run.plan
    with run.serving("hyperoru", "stock-redis", "stock-pubsub", "picows") as servers, run.sockets() as sockets:
        many, single = {}, {}
        for name, server in servers.items():
            clients = sockets.open(server.port, plan.ping_connections, server.hello())
            many[name] = [Caller(each, lambda: PING, plan.ping_window, check=False) for each in clients]
            single[name] = [
                Caller(each, lambda: PING, check=False) for each in sockets.open(server.port, 1, server.hello())
            ]
            call_for(sockets, many[name], plan.seconds / 3)
        for repeat in range(plan.repeats):
            for name in servers:
                with run.watching_generator("pings"):
                    called = call_for(sockets, many[name], plan.seconds)
                run.results.add("ping.pipelined", name, called.rate)
                alone = call_for(sockets, single[name], plan.seconds)
                run.results.add("ping.single", name, alone.rate)
                run.results.add("ping.single.p99", name, percentile(alone.latencies, 0.99) * 1000)
                run.tell(f"  pings {repeat + 1}: {name} {called.rate:,.0f}/s, one at a time {alone.rate:,.0f}/s")
