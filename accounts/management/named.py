"""How commands that are about some accounts only are told which."""

from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser
from django.db.models import BigIntegerField

from accounts.models import Account


def add_account_argument(parser: CommandParser) -> None:
    parser.add_argument("--account", type=int, nargs="+", metavar="ID", help="only these accounts (default: all)")


def known_accounts(ids: Sequence[int] | None) -> set[int] | None:
    """Return the accounts named, None where all are meant. Raises `CommandError` where there is no such account."""
    if ids is None:
        return None
    possible = [pk for pk in ids if 0 < pk <= BigIntegerField.MAX_BIGINT]  # SQLite takes no larger number
    known = set(Account.objects.filter(pk__in=possible).values_list("pk", flat=True))
    if unknown := sorted(set(ids) - known):
        raise CommandError(f"There is no account {', '.join(map(str, unknown))}.")
    return known
