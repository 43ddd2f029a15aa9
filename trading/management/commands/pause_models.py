from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.management.named import add_account_argument, known_accounts
from trading.running.control import pause, pause_all


class Command(BaseCommand):
    help = "Pause models: when this ends, nothing that they decide is carried out any more. Stops and orders stay."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account_argument(parser)
        parser.add_argument("--reason", default="", help="why, for the admin (of a pause of all)")

    def handle(self, *args: Any, account: list[int] | None, reason: str, **options: Any) -> None:
        ids = known_accounts(account)
        if ids is None:
            pause_all(timezone.now(), reason)
            self.stdout.write("All models are paused.")
        else:
            pause(ids, timezone.now())
            self.stdout.write(f"Paused: {', '.join(map(str, sorted(ids)))}.")
