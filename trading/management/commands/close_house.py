from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Account
from trading.desk import Request, desk
from trading.domain.commands import ClosePosition
from trading.domain.errors import Rejection
from trading.models import Position


class Command(BaseCommand):
    help = (
        "Close positions that the house took over, at the market: as far as the book goes within the slippage of "
        "market orders. What is left is told; run it again. Ends with code 1 where anything was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", metavar="SYMBOL", help="only these (default: all)")

    def handle(self, *args: Any, symbols: list[str], **options: Any) -> None:
        house = Account.objects.filter(is_house=True).first()
        held = Position.objects.filter(account=house, size__gt=0).order_by("instrument")
        sizes = {row.instrument_id: row.to_domain().signed_size for row in held} if house else {}
        if unknown := sorted(set(symbols) - sizes.keys()):
            raise CommandError(f"The house holds no {', '.join(unknown)}.")
        asked = sorted(set(symbols or sizes))
        refused = False
        for symbol in asked:
            assert house is not None, "it holds something"
            [answer] = desk.execute([Request(house.pk, ClosePosition(symbol))])
            if isinstance(answer, Rejection):
                refused = True
                self.stderr.write(f"{symbol}: {answer.message}")
                continue
            row = Position.objects.get(account=house, instrument=symbol)
            left = row.to_domain().signed_size
            self.stdout.write(f"{symbol}: {_plain(sizes[symbol] - left)} closed, {_plain(left)} left.")
        if not asked:
            self.stdout.write("The house holds nothing.")
        if refused:
            raise SystemExit(1)


def _plain(size: Any) -> str:
    return f"{size.normalize():f}"
