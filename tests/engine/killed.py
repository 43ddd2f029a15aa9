"""Plays a scene with an engine that is killed at each of its statements in turn, and lets another one finish it.

``python -m tests.engine.killed FIRST EVERY`` prints how many engines died, and fails where what became of the accounts
is not what becomes of them when nobody dies. A process is killed outright (as by `kill -9`), whichever of its threads
asked for the statement. Begins at statement FIRST and takes every EVERYth. Each try starts from a copy of the database.
"""

import json
import logging
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

START = datetime(2026, 4, 9, 12, 59, 55, tzinfo=UTC)
HOUR = datetime(2026, 4, 9, 13, tzinfo=UTC)
LEASE = timedelta(seconds=4)
BEFORE, AFTER = 60_000, 54_600


def put(mark: int, now: datetime) -> None:
    from trading.domain.book import Book, levels_from
    from trading.domain.market import Quote
    from trading.prices import store

    book = Book(levels_from([[mark - 1, 50]]), levels_from([[mark + 1, 50]]))
    store([Quote("BTC", Decimal(mark), now, Decimal(mark), book, expires=False)])


def set_scene() -> None:
    """Open accounts that what comes next will fund, liquidate (one by the house), stop out and fill."""
    from tests.builders import an_account, an_order
    from trading.desk import Desk, Done, Request
    from trading.domain.enums import MarginMode, OrderType
    from trading.engine import Engine
    from trading.market.board import Board

    desk = Desk(Board(), lambda: START)
    engine = Engine(desk, lambda: START)
    put(BEFORE, START)
    engine.step(START)
    poor, alone, stopped, resting = (an_account(capital=each) for each in ("5800", "20000", "20000", "20000"))
    stop = {"order_type": OrderType.STOP_MARKET, "trigger_price": Decimal(56_000), "reduce_only": True}
    asked = [
        Request(poor.pk, an_order("1", leverage=11)),
        Request(alone.pk, an_order("0.5", leverage=10, margin_mode=MarginMode.ISOLATED)),
        Request(stopped.pk, an_order("0.2")),
        Request(stopped.pk, an_order("0.2", "sell", **stop)),
        Request(resting.pk, an_order("0.1", price="55000")),
    ]
    assert all(isinstance(answer, Done) for answer in desk.execute(asked))
    engine.stop()
    desk.close()


def play(now: datetime) -> None:
    """Lead from `now` on: the hour ends, and the price falls (where it has not yet)."""
    from trading.desk import Desk
    from trading.engine import Engine
    from trading.market.board import Board
    from trading.models import MarketPrice

    time = [now]
    engine = Engine(Desk(Board(), lambda: time[0]), lambda: time[0])
    for step in range(4):
        engine.step(time[0])
        assert engine.leads
        time[0] += timedelta(seconds=1)
        if step == 0 and MarketPrice.objects.get(pk="BTC").mark != AFTER:
            put(AFTER, time[0])
    engine.desk.close()


def outcome() -> dict[str, Any]:
    """Return what became of the accounts: what is the same whoever led, and whenever."""
    from accounts.models import Account, LedgerEntry
    from trading.models import FundingRate, Order, Position, Trade
    from trading.reconciling import AccountCheck

    for pk in Account.objects.values_list("pk", flat=True):
        check = AccountCheck(pk)
        check.step()
        assert check.first is None, str(check.first)
    tables = {
        "trades": Trade.objects.values_list("account", "order__reason", "side", "price", "size", "fee", "pnl"),
        "entries": LedgerEntry.objects.values_list("account", "kind", "amount", "key"),
        "orders": Order.objects.values_list("account", "order_type", "status", "reason", "filled_size"),
        "positions": Position.objects.values_list("account", "side", "size", "entry_notional", "isolated_margin"),
        "accounts": Account.objects.values_list("pk", "cash", "is_house"),
        "rates": FundingRate.objects.filter(settled_at__isnull=False).values_list("instrument", "rate", "oracle"),
    }
    return {name: sorted(Counter(map(str, rows)).items()) for name, rows in tables.items()}


def in_child(action: Callable[[], None]) -> int:
    """Run something in a process of its own; return how that ended, as `waitpid` tells it."""
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if not child:
        status = 1
        try:
            action()
            status = 0
        except Exception:
            logging.exception("A child failed")
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def dying_at(number: int) -> None:
    """Lead, and die at a statement of this process, counted over all its threads."""
    from django.db.backends.signals import connection_created

    asked = count(1)

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if next(asked) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return run(sql, params, many, context)

    def wrap(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(execute)

    connection_created.connect(wrap)
    play(HOUR)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hyperoru.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connections

    first, every = map(int, sys.argv[1:])
    database = Path(settings.DATABASES["default"]["NAME"])
    told = database.with_suffix(".json")

    def finish() -> None:
        play(HOUR + LEASE + timedelta(seconds=5))
        told.write_text(json.dumps(outcome()))

    def restore() -> None:
        for each in database.parent.glob(f"{database.name}-*"):
            each.unlink()
        shutil.copy(scene, database)

    set_scene()
    connections.close_all()
    scene = database.with_suffix(".scene")
    shutil.copy(database, scene)
    assert in_child(finish) == 0
    expected = told.read_text()
    for number in count(first, every):
        restore()
        status = in_child(lambda number=number: dying_at(number))  # type: ignore[misc]
        assert in_child(finish) == 0, number
        assert json.loads(told.read_text()) == json.loads(expected), number
        if not os.WIFSIGNALED(status):
            assert status == 0
            print(json.dumps({"killed": (number - first) // every, "expected": json.loads(expected)}))
            return


if __name__ == "__main__":
    main()
