"""Measure the server and what else could do its work. `make bench` runs all of it."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.plan import FULL, PLANS, Plan
from bench.report.crowding import Crowding
from bench.report.document import document
from bench.report.machine import facts
from bench.report.picture import picture
from bench.report.table import table
from bench.run import Run
from bench.scenarios import SCENARIOS
from bench.servers.limits import raise_file_limit
from bench.servers.template import Template
from bench.targets import verdicts

HOME = Path(__file__).resolve().parent
RESULTS = HOME / "results"
BASELINE = HOME / "baseline.json"
PICTURE = HOME.parent / "docs" / "benchmarks.svg"


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"these scenarios, of {','.join(SCENARIOS)}")
    parser.add_argument("--servers", default=",".join(FULL.servers), help="these servers (default: %(default)s)")
    parser.add_argument("--plan", choices=PLANS, default="full", help="how much is measured (default: %(default)s)")
    parser.add_argument("--quick", dest="plan", action="store_const", const="quick", help="short for --plan quick")
    parser.add_argument("--repeats", type=int, help="repeats of each measurement")
    parser.add_argument("--soak", type=float, metavar="SECONDS", help="how long the soak lasts")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results (default: %(default)s)")
    parser.add_argument("--baseline", action="store_true", help="make the results the ones that docs/ show")
    given = parser.parse_args(words)
    given.only = given.only.split(",") if given.only else list(SCENARIOS)
    for name in given.only:
        if name not in SCENARIOS:
            parser.error(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    given.servers = tuple(given.servers.split(","))
    for name in given.servers:
        if name not in FULL.servers:
            parser.error(f"there is no server {name!r}; there are {', '.join(FULL.servers)}")
    return given


def plan_of(given: argparse.Namespace) -> Plan:
    plan = PLANS[given.plan]
    if given.repeats:
        plan = replace(plan, repeats=given.repeats)
    if given.soak:
        plan = replace(plan, soak=given.soak)
    return replace(plan, servers=given.servers)


def main(words: list[str] | None = None) -> int:
    given = arguments(words)
    plan = plan_of(given)
    if "picows" in plan.servers and find_spec("picows") is None:
        print("picows is not installed and left out: pip install -r requirements-bench.txt", file=sys.stderr)
        plan = replace(plan, servers=tuple(name for name in plan.servers if name != "picows"))
    raise_file_limit()
    machine = facts()
    folder = Path(tempfile.mkdtemp(prefix="hyperoru-bench-"))
    began, crowding = time.monotonic(), Crowding()
    try:
        template = Template(folder)
        template.prepare()
        run = Run(plan, template, plan.servers)
        for name in given.only:
            run.tell(f"{name} …")
            SCENARIOS[name](run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    machine["minutes"] = round((time.monotonic() - began) / 60, 1)
    machine["share_used_by_others"] = round(crowding.others(), 3)
    _report(run, machine, given.out)
    if given.baseline:
        shutil.copy(given.out / "results.json", BASELINE)
        shutil.copy(given.out / "results.svg", PICTURE)
    return 0


def _report(run: Run, machine: dict[str, Any], out: Path) -> None:
    """Print the table; write it, the figures and the picture."""
    judged = verdicts(run.results, run.plan)
    told = (
        f"{machine['cores']} cores ({machine['processor']}), Python {machine['python']}, commit {machine['commit']}; "
        f"other processes used {machine['share_used_by_others']:.0%} of the machine"
    )
    text = f"{table(run.results, run.plan, judged)}\n{told}\n"
    out.mkdir(parents=True, exist_ok=True)
    found = document(run.results, run.plan, judged, machine)
    (out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "results.svg").write_text(picture(run.results, told))
    (out / "results.txt").write_text(text)
    print(text)
    print(f"{machine['minutes']} minutes; in {out}: results.txt, results.json, results.svg")


if __name__ == "__main__":
    sys.exit(main())
