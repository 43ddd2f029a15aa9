import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.management.named import known_accounts
from accounts.models import Account
from trading.domain.reconciling import Difference
from trading.reconciling import AccountCheck, venue_difference

SPAN = 500


class Command(BaseCommand):
    help = (
        "Recompute each account's cash, positions, realised PnL, orders and day from its trades and its ledger, and "
        "tell where a row differs; of all accounts also whether what went to the house arrived there. Nothing is "
        "changed; it may run beside trading. Ends with code 1 on any difference."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("accounts", type=int, nargs="*", metavar="ACCOUNT", help="only these (default: all)")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        parser.add_argument("--quiet", action="store_true", help="print only accounts that differ")

    def handle(self, *args: Any, accounts: list[int], quiet: bool, **options: Any) -> None:
        ids = known_accounts(accounts or None)
        checked = trades = differences = 0
        differing: list[dict[str, Any]] = []
        for account_id in _all_accounts() if ids is None else sorted(ids):
            check = AccountCheck(account_id)
            check.step()
            checked += 1
            trades += check.replay.fills
            differences += check.differences
            if check.first is None:
                continue
            differing.append(_told(check))
            if not options["json"]:
                self.stdout.write(f"Account {account_id}: {check.first} (differences: {check.differences})")
        venue = venue_difference() if ids is None else None
        if venue is not None:
            differences += 1
            if not options["json"]:
                self.stdout.write(f"Venue: {venue} (differences: 1)")
        if options["json"]:
            told = {"accounts": checked, "trades": trades, "differences": differences, "differing": differing}
            told["venue"] = None if venue is None else _first(venue)
            self.stdout.write(json.dumps(told))
        elif not quiet:
            result = f"{differences:,} differences in {len(differing):,} of them" if differences else "no difference"
            self.stdout.write(f"{checked:,} accounts, {trades:,} trades: {result}.")
        if differences:
            raise SystemExit(1)


def _all_accounts() -> Iterator[int]:
    """Go through all accounts, in pages: it may take long, and new ones may come."""
    last = 0
    while page := list(Account.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:SPAN]):
        yield from page
        last = page[-1]


def _told(check: AccountCheck) -> dict[str, Any]:
    first = check.first
    assert first is not None
    return {
        "account": check.account_id,
        "differences": check.differences,
        "first": _first(first),
    }


def _first(first: Difference) -> dict[str, Any]:
    return {"figure": first.figure, "row": first.row, "expected": first.expected, "found": first.found}
