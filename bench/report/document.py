"""The results as JSON."""

from dataclasses import asdict
from typing import Any

from bench.catalog import metric
from bench.plan import Plan
from bench.report.table import ordered
from bench.results import Results, Summary
from bench.targets import Verdict


def document(results: Results, plan: Plan, verdicts: list[Verdict], machine: dict[str, Any]) -> dict[str, Any]:
    """Return all that is known of a run, for a file."""
    return {
        "machine": machine,
        "plan": asdict(plan),
        "metrics": {
            key: {
                **asdict(metric(key)),
                "servers": {
                    server: {**asdict(Summary.of(values)), "repeats": [round(value, 4) for value in values]}
                    for server, values in results.values[key].items()
                },
            }
            for key in ordered(results)
        },
        "targets": [asdict(each) for each in verdicts],
        "generator_share_of_a_core": results.generator,
    }
