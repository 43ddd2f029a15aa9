import json
import re
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from trading.agents import SettingsError, known_agents, known_askers, make_agent
from trading.backtesting import picture
from trading.backtesting.play import play
from trading.backtesting.report import Report, as_json, report, write
from trading.backtesting.venue import Terms
from trading.desk import policies
from trading.domain.instruments import Instrument as InstrumentValue
from trading.domain.market import Bar
from trading.domain.money import LARGEST
from trading.listing import LISTED
from trading.market.feeds.candles import common_segment, read_candles
from trading.market.feeds.paced import WARMUP_BARS
from trading.models import Instrument

ROWS = (
    ("final_equity", "final equity, USDC"), ("return_pct", "return, %"), ("max_drawdown_pct", "max drawdown, %"),
    ("sharpe", "Sharpe"), ("sortino", "Sortino"), ("trades", "trades"), ("win_rate_pct", "win rate, %"),
    ("profit_factor", "profit factor"), ("fees", "fees, USDC"), ("funding", "funding, USDC"),
    ("turnover", "turnover, x"), ("exposure_pct", "exposure, %"), ("liquidation_fills", "liquidation fills"),
    ("refused", "orders refused"),
)  # fmt: skip
NOT_REPORTED = 0
"""Of the setting `every`: holds are not reported, as nothing follows from them."""


class Command(BaseCommand):
    help = (
        "Let models trade recorded one-minute candles, in memory and at full speed: the rules of the exchange and the "
        "models are the server's, and its settings count; the database is not touched. The first 200 bars are history. "
        "Prints the figures of each model, side by side."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--model", action=_Model, dest="models", required=True, metavar="NAME",
            help=f"one of {', '.join(known_agents())}; several are compared",
        )  # fmt: skip
        # Not --settings: that is Django's own, of every command.
        parser.add_argument(
            "--model-settings", action=_Settings, dest="models", metavar="JSON",
            help="the settings of the model before it",
        )  # fmt: skip
        parser.add_argument(
            "--data", action="append", required=True, type=_file, metavar="[SYMBOL=]FILE",
            help="candles: CSV, maybe gzipped; without a symbol BTC's",
        )  # fmt: skip
        parser.add_argument("--capital", type=_capital, default=Decimal(10_000), help="USDC (default: 10000)")
        parser.add_argument("--bars", type=int, help="play so many at most (default: all)")
        parser.add_argument("--out", type=Path, metavar="DIR", help="write report.json, CSV files and a picture there")
        parser.add_argument("--picture", choices=("svg", "png"), default="svg", help="its format (default: svg)")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(
        self,
        *args: Any,
        models: list[tuple[str, dict[str, Any]]],
        data: list[tuple[str, Path]],
        capital: Decimal,
        **options: Any,
    ) -> None:
        series, left_out = _read(data, options["bars"])
        bars = next(iter(series.values()))
        length = len(bars) - WARMUP_BARS
        reports, seconds = [], {}
        for label, (name, given) in zip(_labels(models), models, strict=True):
            began = perf_counter()
            reports.append(self._play(label, name, given, series, capital, quiet=options["json"]))
            seconds[label] = perf_counter() - began
        head = {
            "symbols": list(series),
            "bars": length,
            "start": bars[WARMUP_BARS].open_time.isoformat(),
            "end": bars[-1].open_time.isoformat(),
            "capital": f"{capital:f}",
            "left_out": left_out,
        }
        if (out := options["out"]) is not None:
            try:
                files = write(out, head, reports)
                files.append(out / f"equity.{options['picture']}")
                picture.draw(files[-1], series, reports)
            except OSError as error:
                raise CommandError(f"{error.filename}: {error.strerror}.") from None
        if options["json"]:
            self.stdout.write(json.dumps({**head, "models": [as_json(each, lists=False) for each in reports]}))
            return
        self.stdout.write(f"{length:,} bars of {', '.join(series)} from {head['start']}, {capital:f} USDC")
        self.stdout.write(_table(reports))
        for symbol, count in left_out.items():
            self.stdout.write(
                f"{count:,} candles of {symbol} are left out: they are not in the longest stretch without a hole"
            )
        if out is not None:
            self.stdout.write(f"Written to {out}: {', '.join(path.name for path in files)}")

    def _play(
        self,
        label: str,
        name: str,
        given: Mapping[str, Any],
        series: Mapping[str, Sequence[Bar]],
        capital: Decimal,
        *,
        quiet: bool,
    ) -> Report:
        terms = Terms(
            _instruments(),
            policies(),
            timedelta(seconds=settings.HYPERORU_STALE_AFTER_S),
            timedelta(seconds=settings.HYPERORU_ASSUMED_REFILL_S),
        )
        if name in known_askers():
            raise CommandError(f"{name} is asked over the network; only {', '.join(known_agents())} can be played.")
        length = len(next(iter(series.values()))) - WARMUP_BARS
        try:
            agent = make_agent(name, {**given, "every": NOT_REPORTED})
            # disable=None: no bar where nobody looks at it
            with tqdm(total=max(0, length), unit="bar", desc=label, disable=True if quiet else None) as bar:
                run = play(agent, series, terms, capital, told=bar.update)
        except SettingsError as error:
            raise CommandError(f"{name}: {error}") from None
        except ValueError as error:
            raise CommandError(str(error)) from None
        return report(label, name, given, run)


class _Model(Action):
    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None) -> None:
        models = list(getattr(namespace, self.dest) or [])
        setattr(namespace, self.dest, [*models, (values, {})])


class _Settings(Action):
    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None) -> None:
        models = list(getattr(namespace, self.dest) or [])
        if not models:
            parser.error(f"{option} comes after the --model that it is for")
        try:
            given = json.loads(values)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            parser.error(f"{option} must be a JSON object, not {values!r:.60}")
        setattr(namespace, self.dest, [*models[:-1], (models[-1][0], given)])


def _labels(models: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Name the models apart, also where one is there twice; names that do for files."""
    names = [re.sub(r"[^\w.-]", "_", name) for name, _ in models]
    return [
        f"{name}-{names[: place + 1].count(name)}" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def _instruments() -> dict[str, InstrumentValue]:
    return {symbol: Instrument(symbol=symbol, **values).to_domain() for symbol, values in LISTED.items()}


def _read(files: Sequence[tuple[str, Path]], bars: int | None) -> tuple[dict[str, tuple[Bar, ...]], dict[str, int]]:
    """Return what is to be played, and by symbol how many candles are not, as there is a hole before or after them."""
    instruments = _instruments()
    if unknown := sorted({symbol for symbol, _ in files} - set(instruments)):
        raise CommandError(f"{', '.join(unknown)} is not traded here, only {', '.join(sorted(instruments))}.")
    if len(dict(files)) != len(files):
        raise CommandError("Give one file for each symbol.")
    if bars is not None and bars < 1:
        raise CommandError("--bars must be 1 or more.")
    try:
        read = {symbol: read_candles(path, instruments[symbol]) for symbol, path in files}
        series = common_segment(read)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}.") from None
    except ValueError as error:
        raise CommandError(str(error)) from None
    start, end = (next(iter(series.values()))[place].open_time for place in (0, -1))
    left_out = {symbol: sum(not start <= bar.open_time <= end for bar in each) for symbol, each in read.items()}
    played = {symbol: each[: None if bars is None else WARMUP_BARS + bars] for symbol, each in series.items()}
    return played, {symbol: count for symbol, count in left_out.items() if count}


def _table(reports: Sequence[Report]) -> str:
    told = [[""] + [each.label for each in reports]]
    for name, title in ROWS:
        told.append([title, *(_told(getattr(each.figures, name)) for each in reports)])
    for reason in sorted({reason for each in reports for reason in each.figures.refused_by}):
        told.append([f"  {reason}", *(_told(each.figures.refused_by.get(reason, 0)) for each in reports)])
    widths = [max(len(row[place]) for row in told) for place in range(len(told[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in told
    ]
    return "\n".join(lines)


def _told(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _file(word: str) -> tuple[str, Path]:
    symbol, equals, path = word.rpartition("=")
    if not path or (equals and not symbol):
        raise ArgumentTypeError(f"{word!r} is no [SYMBOL=]FILE")
    return symbol or "BTC", Path(path)


def _capital(word: str) -> Decimal:
    try:
        capital = Decimal(word)
    except InvalidOperation:
        capital = Decimal("NaN")
    if not capital.is_finite() or not 0 < capital < LARGEST or capital != round(capital, 6):
        raise ArgumentTypeError(f"{word!r} is no amount of USDC above 0 with at most 6 decimals")
    return capital
