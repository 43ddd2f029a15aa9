from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.management.named import add_account_argument, known_accounts
from realtime import streams


class Command(BaseCommand):
    help = (
        "Let the event streams begin another history. Run it after the database was restored from a backup: clients "
        "know numbers that were given since, and would take new events for old ones. With new epochs all of them load "
        "anew; those that are connected are closed with 4008."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_account_argument(parser)

    def handle(self, *args: Any, account: list[int] | None, **options: Any) -> None:
        renewed = streams.renew_epochs(known_accounts(account))
        if options["verbosity"]:
            self.stdout.write(f"Renewed the epochs of {renewed:,} streams.")
