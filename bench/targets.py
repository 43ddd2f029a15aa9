"""What the figures must reach."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from bench.plan import Plan
from bench.results import Results

OURS = "hyperoru"
DATABASES = {"hyperoru-pg": "PostgreSQL", OURS: "SQLite"}
STOCK = ("stock-redis", "stock-pubsub")
BARE = ("picows",)


@dataclass(frozen=True)
class Verdict:
    """A target, what was reached, and whether that is enough; `reached` None where it was not measured."""

    text: str
    reached: float | None
    told: str
    enough: bool


def verdicts(results: Results, plan: Plan) -> list[Verdict]:
    """Judge what was measured; leave out what was not."""
    found = [
        *(
            _ratio(results, f"fanout@{size}", STOCK, 10, f"fan-out to {size:,}: 10 × the better stock layer")
            for size in plan.fanout
        ),
        *(
            _ratio(results, f"fanout@{size}", BARE, 0.5, f"fan-out to {size:,}: half of bare picows")
            for size in plan.fanout
        ),
        _ratio(results, "ping.pipelined", STOCK, 6, "pings, pipelined: 6 × stock"),
        _ratio(results, "ping.single", STOCK, 6, "pings, one at a time: 6 × stock"),
        _at_most(results, "idle.pss", 30, "an idle connection: 30 KB", "{:.1f} KB"),
        _at_most(results, f"last.median@{plan.last_of}", 100, f"last of {plan.last_of:,}: median 100 ms", "{:.0f} ms"),
        _at_most(results, f"last.worst@{plan.last_of}", 100, f"last of {plan.last_of:,}: worst 100 ms", "{:.0f} ms"),
        *_exchange(results, plan),
        _at_least(results, "snapshots", 500, "snapshots: 500/s", "{:,.0f}/s"),
        _at_least(results, "bootstraps", 500, "bootstraps: 500/s", "{:,.0f}/s"),
        _at_least(results, "backtest.rsi", 20_000, "backtest with the RSI rule: 20,000 bars/s", "{:,.0f} bars/s"),
        _at_least(results, "many.open", plan.many, f"{plan.many:,} connections open in one process", "{:,.0f}"),
        _stalled(results),
    ]
    return [each for each in found if each is not None]


def _judge(text: str, values: list[float], told: str, enough: Callable[[float], bool]) -> Verdict | None:
    if not values:
        return None
    reached = median(values)
    return Verdict(text, reached, told.format(reached), enough(reached))


def _ratio(
    results: Results, key: str, others: tuple[str, ...], least: float, text: str, server: str = OURS
) -> Verdict | None:
    return _judge(text, results.ratio(key, server, others), "{:.2f} ×", lambda reached: reached >= least)


def _at_most(results: Results, key: str, most: float, text: str, told: str, server: str = OURS) -> Verdict | None:
    return _judge(text, results.get(key, server), told, lambda reached: reached <= most)


def _at_least(results: Results, key: str, least: float, text: str, told: str) -> Verdict | None:
    return _judge(text, results.get(key, OURS), told, lambda reached: reached >= least)


def _exchange(results: Results, plan: Plan) -> Iterator[Verdict | None]:
    for server, name in DATABASES.items():
        text = f"orders of {plan.traders} connections, {name}: pgbench's tps"
        yield _ratio(results, "durable.spread", ("pgbench",), 1, text, server)
        text = f"order of {plan.traders} connections, {name}: p99 60 ms"
        yield _at_most(results, "durable.spread.p99", 60, text, "{:.1f} ms", server)
        text = f"order of one connection, {name}: p50 8 ms"
        yield _at_most(results, "durable.1.p50", 8, text, "{:.2f} ms", server)
        text = f"tick over {plan.positions:,} positions, {plan.resting:,} orders, {name}: none 5 ms"
        yield _at_most(results, "tick.none", 5, text, "{:.2f} ms", server)
        text = f"the same, crossing {plan.crossing} orders, {name}: 250 ms"
        yield _at_most(results, "tick.crossing", 250, text, "{:.0f} ms", server)
        text = f"order after {plan.long_history:,} trades, {name}: 1.2 × after {plan.short_history:,}"
        yield _times(results, "history.long", "history.short", 1.2, text, server)


def _stalled(results: Results) -> Verdict | None:
    text = "p99 of a delivery with stalled readers: 1.5 × that without"
    return _times(results, "stall.with", "stall.without", 1.5, text)


def _times(results: Results, key: str, other: str, most: float, text: str, server: str = OURS) -> Verdict | None:
    """Judge what a figure is to another of the same server in the same repeat."""
    pairs = zip(results.get(key, server), results.get(other, server), strict=False)
    return _judge(text, [one / two for one, two in pairs], "{:.2f} ×", lambda reached: reached <= most)
