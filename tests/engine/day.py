"""A scripted day, played in a process of its own on an empty database of its own; prints every row that it left.

``python -m tests.engine.day BATCH`` executes each moment's commands in batches of so many. Nothing in it reads the wall
clock or an unseeded random number. Left out of the rows: users (their unusable passwords are random), the lease (its
holder names the process), and how far the engine's reconciliation came (by the wall clock, as the market waits for it;
each account is compared at the end instead). Epochs of streams are random by purpose (a restored database must not be
taken for the old one), so they are blanked.
"""

import json
import os
import random
import re
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

START = datetime(2026, 4, 9, 23, 59, 40, tzinfo=UTC)
EPOCH = re.compile(r'("epoch":)"[0-9a-f]+"')
LEFT_OUT = {"accounts.User", "accounts.SessionToken", "trading.EngineLease", "trading.Reconciliation"}


def commands(rng: random.Random, number: int, marks: dict[str, Decimal]) -> list[Any]:
    """Draw what one account asks for at one moment."""
    from trading.domain import commands as c
    from trading.domain.enums import Action, LedgerKind, OrderType, Side

    asked: list[Any] = []
    for place in range(rng.randint(0, 4)):
        symbol = rng.choice(sorted(marks))
        size = Decimal(rng.randint(1, 40)) / 1000
        side = rng.choice(list(Side))
        price = Decimal(int(marks[symbol] * (1000 + rng.randint(-8, 8)) / 1000))
        limit = c.PlaceOrder(symbol, side, size, OrderType.LIMIT, price, client_order_id=f"{number}-{place}")
        match rng.randint(0, 9):
            case 8:
                tenth = marks[symbol] / 100 * side.sign
                stop, target = (c.Bracket(Decimal(int(marks[symbol] + each))) for each in (-tenth, tenth))
                asked.append(c.PlaceOrder(symbol, side, size, stop_loss=stop, take_profit=target))
            case 9:
                order_type = OrderType.STOP_MARKET
                trigger = Decimal(int(marks[symbol] * (1000 + 3 * side.sign) / 1000))
                asked.append(c.PlaceOrder(symbol, side, size, order_type, trigger_price=trigger))
            case 0 | 1 | 2:
                asked.append(limit)
            case 3 | 4:
                asked.append(c.PlaceOrder(symbol, side, size, leverage=rng.choice([None, 3, 20])))
            case 5:
                order = c.PlaceOrder(symbol, side, size)
                facts = {"b": "1", "a": "2"}
                asked.append(
                    c.SubmitDecision("m", symbol, Action(side.value), "so", facts=facts, order=order,
                                     client_decision_id=f"d{number}-{place}")
                )  # fmt: skip
            case 6:
                asked.append(c.MoveCash(LedgerKind.DEPOSIT, Decimal(rng.randint(1, 99)) / 7 // Decimal("0.01"), "gift"))
            case _:
                asked.append(rng.choice([c.CancelAllOrders(symbol), c.CancelOrder(client_order_id=f"{number - 1}-0")]))
    return asked


def play(batch: int, seconds: int = 40) -> None:
    from accounts.models import User
    from accounts.services import open_account
    from trading.desk import Desk, Request
    from trading.engine import Engine
    from trading.market.board import Board
    from trading.reconciling import AccountCheck

    now = [START]
    desk = Desk(Board(), lambda: now[0])
    engine = Engine(desk, lambda: now[0])
    owner = User.objects.create(username="someone")
    ids = [
        open_account(owner=owner, name=f"a{each}", starting_capital=Decimal(3_000 * each), now=START).pk
        for each in range(1, 6)
    ]
    rng = random.Random(7)
    for number in range(seconds):
        now[0] = START + timedelta(seconds=number)
        engine.step(now[0])
        marks = {symbol: quote.mark for symbol, quote in desk.board.quotes.items()}
        drawn = [(pk, commands(rng, number, marks)) for pk in ids]
        requests = [Request(pk, command) for pk, asked in drawn for command in asked]
        for first in range(0, len(requests), batch):
            desk.execute(requests[first : first + batch])
    desk.close()
    engine.stop()
    for pk in ids:
        check = AccountCheck(pk)
        check.step()
        assert check.first is None, str(check.first)


def rows() -> dict[str, list[Any]]:
    from django.apps import apps

    found = {}
    for model in apps.get_models():
        label = model._meta.label
        if label.split(".")[0] in ("accounts", "trading", "realtime") and label not in LEFT_OUT:
            found[label] = [
                {name: EPOCH.sub(r"\1", str(value)) for name, value in row.items() if name != "epoch"}
                for row in model._default_manager.order_by("pk").values()
            ]
    return found


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hyperoru.settings")
    import django

    django.setup()
    play(int(sys.argv[1]))
    json.dump(rows(), sys.stdout)


if __name__ == "__main__":
    main()
