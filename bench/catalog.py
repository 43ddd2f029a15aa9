"""What is measured, in the words and units of the report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """`better` is `more` or `less`; figures are printed with so many decimals."""

    title: str
    unit: str
    better: str = "more"
    decimals: int = 0


METRICS = {
    "ping.pipelined": Metric("pings, pipelined", "/s"),
    "ping.single": Metric("pings, one at a time", "/s"),
    "ping.single.p99": Metric("ping, one at a time: p99", "ms", "less", 2),
    "fanout": Metric("fan-out", "deliveries/s"),
    "fanout.cpu": Metric("fan-out: processor time of a delivery", "µs", "less", 1),
    "fanout.generator": Metric("fan-out: the generator's time of a delivery", "µs", "less", 1),
    "fanout.lost": Metric("fan-out: lost", "%", "less", 1),
    "fanout.bytes": Metric("fan-out: an event", "bytes", "less"),
    "last.median": Metric("last subscriber has the event: median", "ms", "less", 1),
    "last.worst": Metric("last subscriber has the event: worst", "ms", "less", 1),
    "snapshots": Metric("snapshots", "/s"),
    "bootstraps": Metric("bootstraps", "/s"),
    "orders.1": Metric("orders, 1 connection", "/s"),
    "orders.1.p50": Metric("order, 1 connection: p50", "ms", "less", 2),
    "orders.1.p99": Metric("order, 1 connection: p99", "ms", "less", 2),
    "orders.many": Metric("orders, many connections", "/s"),
    "orders.many.p50": Metric("order, many connections: p50", "ms", "less", 1),
    "orders.many.p99": Metric("order, many connections: p99", "ms", "less", 1),
    "durable.spread": Metric("durable orders, an account a connection", "/s"),
    "durable.spread.p50": Metric("durable order, an account a connection: p50", "ms", "less", 1),
    "durable.spread.p99": Metric("durable order, an account a connection: p99", "ms", "less", 1),
    "durable.busy": Metric("durable orders, few accounts", "/s"),
    "durable.busy.p50": Metric("durable order, few accounts: p50", "ms", "less", 1),
    "durable.busy.p99": Metric("durable order, few accounts: p99", "ms", "less", 1),
    "durable.1": Metric("durable orders, 1 connection", "/s"),
    "durable.1.p50": Metric("durable order, 1 connection: p50", "ms", "less", 2),
    "durable.1.p99": Metric("durable order, 1 connection: p99", "ms", "less", 2),
    "tick.none": Metric("a tick that crosses nothing", "ms", "less", 2),
    "tick.crossing": Metric("a tick that crosses orders", "ms", "less", 1),
    "history.short": Metric("order of an account with few trades", "ms", "less", 2),
    "history.long": Metric("order of an account with many trades", "ms", "less", 2),
    "backtest.rsi": Metric("backtest: RSI with levels", "bars/s"),
    "backtest.ema": Metric("backtest: EMA cross with MACD", "bars/s"),
    "backtest.donchian": Metric("backtest: Donchian breakout", "bars/s"),
    "idle.rss": Metric("an idle connection: resident", "KB", "less", 1),
    "idle.pss": Metric("an idle connection: proportional", "KB", "less", 1),
    "many.open": Metric("connections open in one process", ""),
    "many.alone.p50": Metric("order, alone: p50", "ms", "less", 2),
    "many.alone.p99": Metric("order, alone: p99", "ms", "less", 2),
    "many.held.p50": Metric("order, with all connections open: p50", "ms", "less", 2),
    "many.held.p99": Metric("order, with all connections open: p99", "ms", "less", 2),
    "resume.all": Metric("resume: all clients have all", "s", "less", 2),
    "resume.rate": Metric("resume: events", "/s"),
    "resume.bystander": Metric("resume: p99 of a bystander's ping", "ms", "less", 1),
    "stall.without": Metric("p99 of a delivery, all read", "ms", "less", 1),
    "stall.with": Metric("p99 of a delivery, some stalled", "ms", "less", 1),
    "stall.slope": Metric("server's memory, some stalled", "MB/min", "less", 1),
    "stall.growth": Metric("server's memory, some stalled: growth in all", "MB", "less", 1),
    "soak.first": Metric("order, first third of the soak: p99", "ms", "less", 1),
    "soak.last": Metric("order, last third of the soak: p99", "ms", "less", 1),
    "soak.rss": Metric("server's memory over the soak", "MB/min", "less", 2),
    "soak.files": Metric("server's open files over the soak", "/min", "less", 1),
    "firehose": Metric("what the generator takes: deliveries", "/s"),
    "firehose.pings": Metric("what the generator takes: answers, pipelined", "/s"),
}


def metric(key: str) -> Metric:
    """Return the metric of a key, which may end with a number of subscribers: `fanout@500`."""
    name, _, size = key.partition("@")
    found = METRICS[name]
    return found if not size else Metric(f"{found.title}, {int(size):,}", found.unit, found.better, found.decimals)
