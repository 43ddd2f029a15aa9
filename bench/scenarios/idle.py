"""What an open connection costs that is signed in and subscribed, and to which nothing happens."""

import time

from bench.run import Run
from bench.scenarios.fanout import SUBSCRIBE

WARM = 100
SETTLE_S = 1.5


def idle(run: Run) -> None:
    """Compare memory before and after the connections, in fresh servers: used ones would have room to spare."""
    plan = run.plan
    for repeat in range(plan.idle_repeats):
        for name in ("hyperoru", "stock-redis", "stock-pubsub", "picows"):
            with run.serving(name) as servers, run.sockets() as sockets:
                for server in servers.values():
                    hello = [*server.hello(), SUBSCRIBE]
                    sockets.open(server.port, min(WARM, plan.idle), hello)
                    time.sleep(SETTLE_S)
                    before = server.memory()
                    sockets.open(server.port, plan.idle, hello)
                    time.sleep(SETTLE_S)
                    after = server.memory()
                    run.results.add("idle.rss", name, (after.rss - before.rss) / plan.idle / 1024)
                    run.results.add("idle.pss", name, (after.pss - before.pss) / plan.idle / 1024)
                    run.tell(f"  idle {repeat + 1}: {name} {(after.pss - before.pss) / plan.idle / 1024:.1f} KB")
