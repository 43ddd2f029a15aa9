import json
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.utils import timezone

from accounts.seeding import report, schema, source
from accounts.seeding.apply import apply
from accounts.seeding.keep import Kept


class HelpFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):
    """Keeps the layout of the file format below the options."""


class Command(BaseCommand):
    """Make users, trading accounts and session tokens from a file, or the demo set without one.

    The file's format is in `accounts.seeding.schema` and under `--help`. Safe to run again: what is there stays as it
    is. A bad file is refused whole, with every problem in it.
    """

    help = "Make users, trading accounts and session tokens from a file (without one: the demo set)."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = HelpFormatter
        parser.epilog = schema.__doc__
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, help="JSON or YAML; its format is below")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        parser.add_argument(
            "--keep",
            type=Path,
            metavar="FILE",
            help="keep new passwords and tokens in this private file, and show those of earlier runs from it",
        )

    def handle(self, *args: Any, file: Path | None, json: bool, keep: Path | None, **options: Any) -> None:
        if file is None and getattr(settings, "PRODUCTION", False):
            raise CommandError("The demo set is not for production; name your own with --file.")
        try:
            plan = schema.check(source.read(file or source.DEMO))
            result = apply(plan, kept=Kept(keep), now=timezone.now())
        except source.SeedError as error:
            raise CommandError("\n".join(["Nothing was written.", *error.problems])) from None
        self.stdout.write(_encoded(report.as_dict(result)) if json else report.as_text(result))


def _encoded(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)
