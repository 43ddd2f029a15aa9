"""Accounts with a history, and rows that contradict it."""

from decimal import Decimal
from typing import Any

from django.db import connection

from accounts.models import Account
from tests.builders import an_account, an_order, done, set_price
from tests.desk.given import DEPOSIT
from trading.domain.commands import MoveCash
from trading.domain.enums import LedgerKind
from trading.reconciling import AccountCheck

DEEP = [["66990", "100"]], [["67010", "100"]]


def price(mark: int) -> None:
    set_price("BTC", str(mark), bids=[[str(mark - 10), "100"]], asks=[[str(mark + 10), "100"]])


def a_busy_account() -> Account:
    """Open an account that opened, added, reduced, flipped and closed, was funded, and rests one order half filled."""
    account = an_account(capital="10000")
    price(67_000)
    done(account, an_order("0.1"))
    done(account, MoveCash(LedgerKind.FUNDING, Decimal("-2.345678")))
    price(67_333)
    done(account, an_order("0.03333"))
    done(account, an_order("0.05", "sell"))
    done(account, MoveCash(DEPOSIT, Decimal("3.125"), "gift"))
    price(67_100)
    done(account, an_order("0.2", "sell", client_order_id="flip"))
    done(account, MoveCash(LedgerKind.WITHDRAWAL, Decimal("-1.5625")))
    set_price("BTC", "67000", bids=[["66990", "1"]], asks=[["67010", "0.004"]])
    done(account, an_order("0.01", price="67010", client_order_id="half"))
    return account


def checked(account: Account, **values: Any) -> AccountCheck:
    check = AccountCheck(account.pk, **values)
    assert check.step()
    return check


def told(account: Account, **values: Any) -> str:
    """Return the first difference in words, nothing where there is none."""
    check = checked(account, **values)
    return str(check.first or "")


def tamper(table: str, column: str, change: str, where: str = "1 = 1") -> None:
    """Change rows behind everybody's back."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = {change} WHERE {where}")
