"""Whether an order costs more the more an account has traded."""

from contextlib import ExitStack

from bench.inside import inside
from bench.run import Run
from bench.servers.databases import databases


def history(run: Run) -> None:
    plan = run.plan
    with databases(run, "history", 2) as (_, templates), ExitStack() as stack:
        children = {name: stack.enter_context(inside("history", each)) for name, each in templates.items()}
        for child in children.values():
            child.ask(do="fill", short=plan.short_history, long=plan.long_history)
            child.ask(do="measure", orders=plan.history_orders)  # the first ones warm up
        for repeat in range(plan.repeats):
            for name, child in children.items():
                found = child.ask(do="measure", orders=plan.history_orders)
                for key in ("short", "long"):
                    run.results.add(f"history.{key}", name, found[key])
                run.tell(f"  history {repeat + 1}: {name} {found['short']:.2f} ms, {found['long']:.2f} ms")
