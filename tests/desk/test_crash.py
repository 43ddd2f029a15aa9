"""Killed at any statement the desk leaves each batch whole or not at all."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from subprocess import run
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError, connection

from accounts.models import Account
from tests.builders import an_account, an_order, done, set_price
from tests.commands.processes import ROOT
from tests.desk.given import DEPOSIT, everything
from trading.desk import Desk, Done, Request, Unavailable, desk
from trading.domain.commands import CancelOrder, MoveCash, RecordEquity, SubmitDecision
from trading.domain.enums import Action
from trading.market.board import board
from trading.reconciling import AccountCheck

pytestmark = pytest.mark.django_db(transaction=True)
AGE = timedelta(seconds=15)


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def failing_at(number: int, error: type[BaseException]) -> Iterator[Callable[[], int]]:
    """Raise in place of this thread's statement `number`, counted from 1; yield how many were asked for."""
    asked = 0

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == number:
            raise error(f"at statement {number}: {sql[:60]}")
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield lambda: asked


def a_batch(accounts: list[Account]) -> list[Request]:
    """Ask for one of each kind of thing."""
    first, second = accounts
    decision = SubmitDecision("m", "BTC", Action.BUY, "so", client_decision_id="d", order=an_order("0.02"))
    return [
        Request(first.pk, an_order("0.01", client_order_id="new")),
        Request(first.pk, CancelOrder(client_order_id="old")),
        Request(second.pk, decision),
        Request(second.pk, MoveCash(DEPOSIT, first.starting_capital)),
        Request(second.pk, RecordEquity()),
    ]


@pytest.fixture
def accounts(transactional_db: None) -> list[Account]:
    set_price("BTC", "67000", bids=[["66990", "100"]], asks=[["67010", "100"]])
    made = [an_account(), an_account()]
    for account in made:
        done(account, an_order("0.01", price="50000", client_order_id="old"))
        done(account, an_order("0.005"))
    return made


def agree(accounts: list[Account]) -> None:
    for account in accounts:
        check = AccountCheck(account.pk)
        check.step()
        assert check.first is None, str(check.first)


def test_an_error_at_any_statement_leaves_nothing_of_the_batch(accounts: list[Account]) -> None:
    before = everything()
    book = board.market({}, AGE).books
    for number in count(1):
        with failing_at(number, Killed) as asked:
            try:
                answers = desk.execute(a_batch(accounts))
            except Killed:
                assert everything() == before, number
                assert board.market({}, AGE).books == book  # nor was liquidity taken
                continue
        break
    assert number > 15
    assert asked() < number
    assert all(isinstance(answer, Done) for answer in answers)
    assert everything() != before
    agree(accounts)


def test_a_database_that_fails_once_at_any_statement_is_asked_again_and_nothing_is_done_twice(
    accounts: list[Account],
) -> None:
    shapes = set()
    for number in range(1, 60):
        pair = [an_account(), an_account()]
        for account in pair:
            done(account, an_order("0.01", price="50000", client_order_id="old"))
        rows = everything()
        with failing_at(number, OperationalError) as asked:
            answers = desk.execute(a_batch(pair))
        assert all(isinstance(answer, Done) for answer in answers), (number, answers)
        shapes.add(tuple((name, len(now) - len(rows[name])) for name, now in everything().items()))
        agree(pair)
        if asked() < number:
            break
    assert len(shapes) == 1


def test_a_database_that_is_away_for_good_leaves_nothing(accounts: list[Account]) -> None:
    before = everything()

    def away(run: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT"):
            raise OperationalError("away")
        return run(sql, *rest)

    with connection.execute_wrapper(away):
        answers = Desk(board).execute(a_batch(accounts))
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert everything() == before


def test_a_process_killed_at_any_statement_leaves_the_batch_whole_or_not_at_all(accounts: list[Account]) -> None:
    """A real process, killed outright (as by `kill -9`) at each statement in turn, on this test's database."""
    before = everything()
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    else:
        url = f"sqlite:///{name}"
    connection.close()
    words = [sys.executable, "-m", "tests.desk.killed", *(str(account.pk) for account in accounts)]
    ended = run(words, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, capture_output=True, timeout=240)
    assert ended.returncode == 0, ended.stderr.decode()
    killed, told = ended.stdout.decode().split()
    assert (int(killed) > 15, told) == (True, "whole")
    after = everything()
    assert len(after["Trade"]) == len(before["Trade"]) + 2
    assert len(after["LedgerEntry"]) == len(before["LedgerEntry"]) + 1
    agree(accounts)
