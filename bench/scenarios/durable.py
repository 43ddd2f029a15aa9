"""Orders that are on disk when they are answered, on both databases, against what PostgreSQL itself does by pgbench."""

from bench.load.calls import Caller, call_for, percentile
from bench.load.sockets import Sockets
from bench.run import Run
from bench.scenarios.orders import traders
from bench.servers.databases import databases
from bench.servers.process import Server
from bench.servers.template import Template


def durable(run: Run) -> None:
    """Measure by turns in each repeat: pgbench, then orders on either database."""
    plan = run.plan
    with databases(run, "durable", plan.traders) as (postgresql, templates):
        postgresql.prepare_pgbench(plan.pgbench_scale)
        with run.serving(*templates, templates=templates) as servers, run.sockets() as sockets:
            callers = {name: _callers(run, sockets, server, templates[name]) for name, server in servers.items()}
            for repeat in range(plan.repeats):
                tps = postgresql.pgbench(plan.pgbench_clients, plan.durable_seconds)
                run.results.add("durable.spread", "pgbench", tps)
                run.tell(f"  durable {repeat + 1}: pgbench {tps:,.0f} tps")
                for name in servers:
                    for key, group in callers[name].items():
                        _measure(run, sockets, name, key, group)


def _callers(run: Run, sockets: Sockets, server: Server, template: Template) -> dict[str, list[Caller]]:
    """Return connections of which each has an account of its own, such that share a few, and one that is alone."""
    plan, accounts = run.plan, template.traded
    spread = traders(sockets, server, accounts, plan.traders)
    busy = traders(sockets, server, accounts[: plan.busy_accounts], plan.traders)
    return {"spread": spread, "busy": busy, "1": spread[:1]}


def _measure(run: Run, sockets: Sockets, name: str, key: str, callers: list[Caller]) -> None:
    with run.watching_generator("durable"):
        called = call_for(sockets, callers, run.plan.durable_seconds)
    p50, p99 = (percentile(called.latencies, share) * 1000 for share in (0.5, 0.99))
    run.results.add(f"durable.{key}", name, called.rate)
    run.results.add(f"durable.{key}.p50", name, p50)
    run.results.add(f"durable.{key}.p99", name, p99)
    run.tell(f"    {name}, {key}: {called.rate:,.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms")
