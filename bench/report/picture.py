"""The picture: a panel of bars for each of the chief metrics, as SVG."""

from html import escape

from bench.catalog import Metric, metric
from bench.results import Results, Summary
from bench.servers import TITLES
from bench.targets import OURS

CHIEF = (
    "fanout@500",
    "fanout@2000",
    "fanout.cpu@2000",
    "last.median@2000",
    "ping.pipelined",
    "ping.single",
    "orders.1",
    "orders.many",
    "durable.spread",
    "durable.1.p50",
    "snapshots",
    "bootstraps",
    "idle.pss",
)
PANEL = 470
GAP = 30
BAR = 20
STEP = 28
HEAD = 44
LABEL = 190
LONGEST = 190
OURS_COLOUR = "#0f766e"
COLOUR = "#94a3b8"
INK = "#0f172a"
FAINT = "#64748b"


def picture(results: Results, told: str) -> str:
    """Return the picture; `told` is the line below it. Bars are medians, lines reach from the least to the greatest."""
    panels = [(metric(key), results.values[key]) for key in CHIEF if key in results.values]
    rows = [panels[start : start + 2] for start in range(0, len(panels), 2)]
    parts, top = [], 20
    for row in rows:
        for column, (kind, servers) in enumerate(row):
            parts += _panel(kind, servers, GAP + column * (PANEL + GAP), top)
        top += HEAD + STEP * max(len(servers) for _, servers in row) + 16
    width, height = 2 * PANEL + 3 * GAP, top + 34
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *parts,
        _text(GAP, height - 18, told, 12, FAINT),
        "</svg>\n",
    ])  # fmt: skip


def _panel(kind: Metric, servers: dict[str, list[float]], left: int, top: int) -> list[str]:
    summaries = {server: Summary.of(values) for server, values in servers.items()}
    scale = LONGEST / (max(each.greatest for each in summaries.values()) or 1)
    unit = f"{kind.unit}, {kind.better} is better" if kind.unit else f"{kind.better} is better"
    parts = [_text(left, top + 14, kind.title, 15, INK, bold=True), _text(left, top + 31, unit, 12, FAINT)]
    for place, (server, values) in enumerate(summaries.items()):
        y = top + HEAD + place * STEP
        x = left + LABEL
        parts.append(_text(x - 8, y + 14, SHORT.get(server, TITLES[server]), 12, INK, anchor="end"))
        colour = OURS_COLOUR if server.startswith(OURS) else COLOUR
        parts.append(
            f'<rect x="{x}" y="{y}" width="{max(1.0, values.median * scale):.1f}" height="{BAR}" fill="{colour}"/>'
        )
        parts.append(
            f'<path d="M{x + values.least * scale:.1f} {y + BAR / 2}H{x + values.greatest * scale:.1f}" '
            f'stroke="{INK}" stroke-width="1.5"/>'
        )
        end = x + max(values.median, values.greatest) * scale + 6
        parts.append(_text(end, y + 14, f"{values.median:,.{kind.decimals}f}", 12, INK))
    return parts


SHORT = {"stock-redis": "stock, RedisChannelLayer", "stock-pubsub": "stock, RedisPubSub layer"}


def _text(x: float, y: float, text: str, size: int, colour: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )
