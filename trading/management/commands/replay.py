import json
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from accounts.models import Account
from accounts.seeding import report, schema, source
from accounts.seeding.apply import apply
from accounts.seeding.keep import Kept
from trading.domain.market import Bar
from trading.market.feeds.candles import common_segment, read_candles
from trading.market.feeds.paced import POINTS, WARMUP_BARS
from trading.models import Instrument
from trading.prices import usable
from trading.reconciling import AccountCheck
from trading.replaying import Played, Refused, Replay, at_the_recordings_pace, not_waiting_for_the_disk

TELL_EVERY_S = 5.0
Series = Mapping[str, Sequence[Bar]]


class Command(BaseCommand):
    help = (
        "Play recorded one-minute candles once, as fast as it goes, at the time of the recording: the real engine, "
        "desk and database, with all models, funding, liquidation and equity. Writes orders, trades and all else of "
        "every account, so use a database of its own. Where there are no accounts yet it opens those of a seed file, "
        "as of the recording's beginning. In the end all accounts are reconciled; code 1 on any difference."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="+", type=_file, metavar="[SYMBOL=]FILE", help="CSV, maybe gzipped; without a symbol BTC's"
        )
        parser.add_argument("--bars", type=int, help="play so many at most (default: all)")
        parser.add_argument("--seed", type=Path, metavar="FILE", help="open these accounts (default: the demo set)")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else; implies --yes")

    def handle(
        self, *args: Any, files: list[tuple[str, Path]], bars: int | None, seed: Path | None, **options: Any
    ) -> None:
        self._quiet = options["json"]
        replay = _prepared(files, bars)
        seeded = not Account.objects.exists()
        if seed is not None and not seeded:
            raise CommandError("There are accounts already: --seed is for a database without any.")
        if not options["yes"] and not self._quiet:
            self._ask(replay, seeded=seeded)
        with not_waiting_for_the_disk(), at_the_recordings_pace(), closing(replay):
            try:
                replay.begin()
                if seeded:
                    self._open_accounts(seed, replay.start)
                began = monotonic()
                done = self._play(replay)
            except Refused as refused:
                raise CommandError(str(refused)) from None
            seconds = monotonic() - began
            played = replay.played()
        differences = self._reconcile()
        self._tell(played, done, seconds, differences)
        if differences:
            raise SystemExit(1)

    def _ask(self, replay: Replay, *, seeded: bool) -> None:
        accounts = "those of the seed file" if seeded else f"all {Account.objects.count():,}"
        self.stdout.write(
            f"{replay.bars:,} bars from {replay.start:%Y-%m-%d %H:%M} UTC will be traded by {accounts} accounts in "
            f"{connection.settings_dict['NAME']}; it can't be undone."
        )
        if input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was done.")

    def _open_accounts(self, seed: Path | None, now: datetime) -> None:
        if seed is None and getattr(settings, "PRODUCTION", False):
            raise CommandError("The demo set is not for production; name your own with --seed.")
        try:
            result = apply(schema.check(source.read(seed or source.DEMO)), kept=Kept(None), now=now)
        except source.SeedError as error:
            raise CommandError("\n".join(["Nothing was written.", *error.problems])) from None
        self._say(report.as_text(result))

    def _play(self, replay: Replay) -> int:
        """Play all of it, and tell how far it is every few seconds; return the number of bars."""
        began = told = monotonic()
        number = 0
        for number, moment in enumerate(replay.moments(), 1):
            if monotonic() - told >= TELL_EVERY_S:
                told = monotonic()
                bars = number // POINTS
                rate = bars / (told - began)
                left = (replay.bars - bars) / rate / 60 if rate else 0
                self._say(
                    f"{moment:%Y-%m-%d %H:%M}  {bars:,} of {replay.bars:,} bars, {rate:,.0f}/s, {left:.0f} min left"
                )
        return number // POINTS

    def _reconcile(self) -> int:
        found = 0
        for account_id in Account.objects.order_by("pk").values_list("pk", flat=True):
            check = AccountCheck(account_id)
            check.step()
            found += check.differences
            if check.first is not None:
                self._say(f"Account {account_id}: {check.first} (differences: {check.differences})")
        return found

    def _tell(self, played: Played, bars: int, seconds: float, differences: int) -> None:
        told = {"bars": bars, **asdict(played), "seconds": round(seconds, 1), "differences": differences}
        if self._quiet:
            self.stdout.write(json.dumps(told))
            return
        agrees = f"{differences:,} differences" if differences else "no difference"
        self._say(
            f"{bars:,} bars in {seconds:,.0f} s ({bars / seconds:,.0f}/s): {played.decisions:,} decisions, "
            f"{played.orders:,} orders, {played.trades:,} trades ({played.liquidations:,} of liquidations), "
            f"{played.funding_hours:,} hours of funding; {agrees}."
        )

    def _say(self, text: str) -> None:
        if not self._quiet:
            self.stdout.write(text)


def _file(word: str) -> tuple[str, Path]:
    symbol, equals, path = word.rpartition("=")
    if not path or (equals and not symbol):
        raise ArgumentTypeError(f"{word!r} is no [SYMBOL=]FILE")
    return symbol or "BTC", Path(path)


def _prepared(files: Sequence[tuple[str, Path]], bars: int | None) -> Replay:
    """Read the files and return what plays them. Raises `CommandError` where they can't be played."""
    instruments = usable(Instrument.objects.filter(listed=True))
    if unknown := sorted({symbol for symbol, _ in files} - set(instruments)):
        raise CommandError(f"{', '.join(unknown)} is not traded here, only {', '.join(sorted(instruments))}.")
    if len(dict(files)) != len(files):
        raise CommandError("Give one file for each symbol.")
    if bars is not None and bars < 1:
        raise CommandError("--bars must be 1 or more.")
    try:
        series = common_segment({symbol: read_candles(path, instruments[symbol]) for symbol, path in files})
        end = None if bars is None else WARMUP_BARS + bars
        return Replay({symbol: each[:end] for symbol, each in series.items()})
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}.") from None
    except ValueError as error:
        raise CommandError(str(error)) from None
