"""What a new price costs the engine, in its own process, with many positions, resting orders and triggers."""

from contextlib import ExitStack

from bench.inside import inside
from bench.run import Run
from bench.servers.databases import databases


def tick(run: Run) -> None:
    plan = run.plan
    sizes = {"positions": plan.positions, "resting": plan.resting, "triggers": plan.triggers}
    with databases(run, "tick", 1) as (_, templates), ExitStack() as stack:
        venues = {name: stack.enter_context(inside("tick", each)) for name, each in templates.items()}
        for venue in venues.values():
            venue.ask(do="fill", **sizes, crossing=plan.crossing, bands=plan.repeats + 1)
            venue.ask(do="measure", ticks=1)  # the first one warms up
        for repeat in range(plan.repeats):
            for name, venue in venues.items():
                found = venue.ask(do="measure", ticks=plan.ticks)
                if found["filled"] != plan.crossing:
                    raise RuntimeError(f"A tick crossed {found['filled']} orders, not {plan.crossing}")
                run.results.add("tick.none", name, found["none"])
                run.results.add("tick.crossing", name, found["crossing"])
                run.tell(
                    f"  tick {repeat + 1}: {name} crossing none {found['none']:.1f} ms, "
                    f"{plan.crossing} orders {found['crossing']:.0f} ms"
                )
