"""What the generator itself can take, from a server that costs next to nothing."""

from bench.load.broadcast import Publisher, broadcast_for
from bench.load.calls import Caller, call_for
from bench.load.frames import request
from bench.run import Run
from bench.scenarios.fanout import SUBSCRIBE
from bench.scenarios.pings import PING

CONNECT = request("connect", "connect")


def calibration(run: Run) -> None:
    plan = run.plan
    size = max(plan.fanout)
    with run.serving("firehose") as servers, run.sockets() as sockets:
        server = servers["firehose"]
        clients = sockets.open(server.port, plan.ping_connections, [CONNECT])
        callers = [Caller(each, lambda: PING, plan.ping_window, check=False) for each in clients]
        for _ in range(plan.repeats):
            run.results.add("firehose.pings", "firehose", call_for(sockets, callers, plan.seconds).rate)
        (client,) = sockets.open(server.port, 1, [CONNECT])
        publisher = Publisher(client, server.publishing())
        sockets.open(server.port, size, [SUBSCRIBE])
        for _ in range(plan.repeats):
            done = broadcast_for(sockets, publisher, size, plan.window(size), plan.seconds)
            run.results.add("firehose", "firehose", done.rate)
        run.tell(f"  the generator takes {done.rate:,.0f} deliveries/s")
