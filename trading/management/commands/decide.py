from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.management.named import known_accounts
from accounts.models import Account
from trading.running.control import ask


class Command(BaseCommand):
    help = (
        "Ask for a run of accounts' models now: the engine begins it. Ends with code 1 where a model that was named "
        "can't run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("accounts", nargs="*", type=int, metavar="ACCOUNT", help="the accounts' ids")
        parser.add_argument("--all", action="store_true", help="all accounts whose model can run")

    def handle(self, *args: Any, accounts: list[int], **options: Any) -> None:
        everybody = options["all"]
        if bool(accounts) == everybody:
            raise CommandError("Name accounts, or give --all.")
        if everybody:
            named = Account.objects.exclude(model="").filter(is_house=False).order_by("pk").values_list("pk", flat=True)
            asked = list(named)
        else:
            known_accounts(accounts)
            asked = sorted(set(accounts))
        refused = ask(asked, timezone.now())
        for pk in asked:
            if pk not in refused:
                self.stdout.write(f"Account {pk}: asked.")
            elif not everybody:
                self.stderr.write(refused[pk])
        if len(refused) == len(asked) and everybody:
            self.stdout.write("No account has a model that can run.")
        if refused and not everybody:
            raise SystemExit(1)
