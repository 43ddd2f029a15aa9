import json
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.named import add_account_argument, known_accounts
from realtime.retention import Limits, Pruned, Sweep

TELL_EVERY_S = 5.0


class Command(BaseCommand):
    help = (
        "Delete the events that are no longer kept for clients that resume: those older than --days, and those beyond "
        "the newest --keep of their stream. The engine does the same now and then; both may run at once, and orders "
        "pass meanwhile. Trades, orders and all other records stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        days, keep = settings.HYPERORU_EVENTS_KEEP_DAYS, settings.HYPERORU_EVENTS_KEEP_COUNT
        parser.add_argument(
            "--days", type=float, default=days, help="keep what is younger; 0: of any age (default: %(default)s)"
        )
        parser.add_argument(
            "--keep", type=int, default=keep, help="keep so many of each stream; 0: any number (default: %(default)s)"
        )
        add_account_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="only count what would be deleted")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(
        self, *args: Any, days: float, keep: int, account: list[int] | None, dry_run: bool, **options: Any
    ) -> None:
        try:
            sweep = Sweep(Limits(days, keep), timezone.now(), known_accounts(account))
        except ValueError as error:
            raise CommandError(str(error)) from None
        quiet = options["json"] or not options["verbosity"]
        pruned = sweep.count() if dry_run else self._prune(sweep, quiet=quiet)
        if options["json"]:
            self.stdout.write(json.dumps({"events": pruned.events, "streams": pruned.streams, "dry_run": dry_run}))
        elif not quiet:
            self.stdout.write(f"{'Would prune' if dry_run else 'Pruned'} {_told(pruned)}.")

    def _prune(self, sweep: Sweep, *, quiet: bool) -> Pruned:
        """Go through the sweep and tell how far it is every few seconds."""
        told = monotonic()
        while not sweep.finished:
            sweep.step()
            if not quiet and monotonic() - told >= TELL_EVERY_S:
                told = monotonic()
                self.stdout.write(f"{sweep.pruned.events:,} events so far …")
        return sweep.pruned


def _told(pruned: Pruned) -> str:
    return f"{pruned.events:,} events of {pruned.streams:,} streams"
