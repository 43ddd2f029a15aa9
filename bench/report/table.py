"""The table: a line for each metric, a column for each server, the targets below."""

from bench.catalog import METRICS, metric
from bench.plan import Plan
from bench.results import Results, Summary
from bench.targets import Verdict

WIDTH = 26
TITLE = 50


def table(results: Results, plan: Plan, verdicts: list[Verdict]) -> str:
    """Return the whole report as text."""
    lines = [f"Medians of the repeats (least to greatest). Plan: {plan.name}, {plan.repeats} repeats.", ""]
    for keys in _by_columns(results):
        lines += _block(results, keys)
    if verdicts:
        lines += ["Targets; ratios are those within a repeat, their median", ""]
        lines += [f"  {'ok   ' if each.enough else 'SHORT'}  {each.text:<66} {each.told:>12}" for each in verdicts]
        lines.append("")
    if results.generator:
        lines += ["The generator's share of one core, at most", ""]
        lines += [f"  {name:<24} {share:>5.0%}" for name, share in results.generator.items()]
        lines += ["", *_reach(results), ""]
    return "\n".join(lines)


def _reach(results: Results) -> list[str]:
    """Tell what the generator could take by its own time of a delivery, beside the fastest server that it measured."""
    lines = []
    for key in ordered(results):
        name, _, size = key.partition("@")
        if name == "fanout.generator":
            server, rate = max(
                ((each, Summary.of(values).median) for each, values in results.values[f"fanout@{size}"].items()),
                key=lambda found: found[1],
            )
            reach = 1e6 / Summary.of(results.get(key, server)).median
            told = f"at {int(size):,} it could take {reach:,.0f} deliveries/s of {server}, which made {rate:,.0f}/s"
            lines.append(f"  {told}: {reach / rate:.1f} ×")
    return lines


def ordered(results: Results) -> list[str]:
    """Return the metrics that have values, in the catalog's order."""
    places = list(METRICS)

    def place(key: str) -> tuple[int, int]:
        name, _, size = key.partition("@")
        return places.index(name), int(size or 0)

    return sorted(results.values, key=place)


def _by_columns(results: Results) -> list[list[str]]:
    """Group neighbouring metrics that have the same servers."""
    groups: list[list[str]] = []
    for key in ordered(results):
        if groups and list(results.values[groups[-1][0]]) == list(results.values[key]):
            groups[-1].append(key)
        else:
            groups.append([key])
    return groups


def _block(results: Results, keys: list[str]) -> list[str]:
    servers = list(results.values[keys[0]])
    lines = [" " * TITLE + "".join(f"{server:>{WIDTH}}" for server in servers)]
    for key in keys:
        kind = metric(key)
        cells = [_cell(Summary.of(results.get(key, server)), kind.decimals) for server in servers]
        name = f"{kind.title}, {kind.unit}" if kind.unit else kind.title
        lines.append(f"{name:<{TITLE}}" + "".join(f"{cell:>{WIDTH}}" for cell in cells))
    return [*lines, ""]


def _cell(values: Summary, decimals: int) -> str:
    if values.least == values.greatest:
        return f"{values.median:,.{decimals}f}"
    return f"{values.median:,.{decimals}f} ({values.least:,.{decimals}f}–{values.greatest:,.{decimals}f})"
