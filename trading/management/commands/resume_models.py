from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts.management.named import add_account_argument, known_accounts
from trading.running.control import resume, resume_all


class Command(BaseCommand):
    help = "Let paused models go on: all, but for those of accounts that were paused by themselves, or some accounts'."

    def add_arguments(self, parser: CommandParser) -> None:
        add_account_argument(parser)

    def handle(self, *args: Any, account: list[int] | None, **options: Any) -> None:
        ids = known_accounts(account)
        if ids is None:
            ended = resume_all(timezone.now())
            self.stdout.write("The pause of all models is over." if ended else "Not all models were paused.")
        else:
            resume(ids, timezone.now())
            self.stdout.write(f"Resumed: {', '.join(map(str, sorted(ids)))}.")
