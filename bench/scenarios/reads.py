"""Reads of state: snapshots and bootstraps, by connections that each wait for one answer at a time."""

from bench.load.calls import Caller, call_for
from bench.load.frames import request
from bench.run import Run


def reads(run: Run) -> None:
    plan = run.plan
    account = run.template.accounts["Watched"]
    asked = {
        "snapshots": request("get_snapshot", "read", account_id=account),
        "bootstraps": request("bootstrap", "read"),
    }
    with run.serving("hyperoru", "stock-redis") as servers, run.sockets() as sockets:
        clients = {name: sockets.open(server.port, plan.readers, server.hello()) for name, server in servers.items()}
        for repeat in range(plan.repeats):
            for key, frame in asked.items():
                for name in servers:
                    callers = [Caller(each, lambda frame=frame: frame) for each in clients[name]]
                    with run.watching_generator("reads"):
                        called = call_for(sockets, callers, plan.seconds)
                    run.results.add(key, name, called.rate)
                    run.tell(f"  {key} {repeat + 1}: {name} {called.rate:,.0f}/s")
