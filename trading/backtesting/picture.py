"""A backtest as a picture: equity and drawdown of the models, side by side, over what they traded."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from trading.backtesting.report import Report
from trading.domain import performance
from trading.domain.market import Bar

WIDTH = 1_500
"""More points than this would not be seen."""
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by people who see fewer colours (Okabe & Ito)."""


def draw(path: Path, series: Mapping[str, Sequence[Bar]], reports: Sequence[Report]) -> None:
    """Draw equity, drawdown and price; SVG or PNG, as the path's name ends. Raises `OSError` where it can't."""
    with mpl.rc_context({"svg.hashsalt": "backtest", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 7.5), layout="constrained")
        FigureCanvasAgg(figure)
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.2, 1.2])
        for number, each in enumerate(reports):
            color = COLORS[number % len(COLORS)]
            index = np.array(performance.growth(each.points))
            peaks = np.maximum.accumulate(index)
            fallen = np.divide(index - peaks, peaks, out=np.zeros_like(index), where=peaks > 0) * 100
            shown = _places(len(each.points))
            times = [each.points[place].at for place in shown]
            top.plot(times, [float(each.points[place].equity) for place in shown], color=color, lw=1, label=each.label)
            middle.plot(times, fallen[shown], color=color, lw=0.8)
        for number, (symbol, bars) in enumerate(series.items()):
            axes = bottom if number == 0 else bottom.twinx()
            shown = _places(len(bars))
            axes.plot(
                [bars[place].open_time for place in shown],
                [float(bars[place].close) for place in shown],
                color="0.3" if number == 0 else "0.65",
                lw=0.8,
            )
            axes.set_ylabel(f"{symbol}, USDC")
        top.set_ylabel("Equity, USDC")
        top.legend(loc="best", frameon=False)
        middle.set_ylabel("Drawdown, %")
        locator = AutoDateLocator()
        bottom.xaxis.set_major_locator(locator)
        bottom.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        for axes in (top, middle, bottom):
            axes.grid(alpha=0.25, lw=0.5)
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def _places(length: int) -> list[int]:
    return np.unique(np.linspace(0, length - 1, min(length, WIDTH)).astype(int)).tolist()
