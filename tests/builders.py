"""Users, accounts, tokens and prices for tests, made through the project's own services."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import Account, AccountAccess, SessionToken, User
from accounts.services import grant_access, issue_token, open_account
from trading.desk import Answer, Done, Request, desk
from trading.domain.book import Book, levels_from
from trading.domain.commands import Command, PlaceOrder
from trading.domain.enums import OrderType, Side
from trading.domain.market import Quote
from trading.market.board import board

_numbers = count(1)


def a_user(**values: Any) -> User:
    username = values.pop("username", f"user{next(_numbers)}")
    return User.objects.create_user(username=username, **values)


def an_account(owner: User | None = None, capital: str = "10000", **values: Any) -> Account:
    return open_account(
        owner=owner or a_user(),
        name=values.pop("name", f"Account {next(_numbers)}"),
        starting_capital=Decimal(capital),
        now=timezone.now(),
        **values,
    )


def a_token(user: User, scope: str = "trade", lifetime: timedelta | None = timedelta(hours=1)) -> str:
    return issue_token(user=user, scope=scope, label="test", now=timezone.now(), lifetime=lifetime)[1]


def token_row(raw: str) -> SessionToken:
    return SessionToken.objects.get(token_key=raw[:15])


def access(account: Account, user: User, role: str) -> AccountAccess:
    return grant_access(account=account, user=user, role=role)


def set_price(symbol: str = "BTC", mark: str = "68500", bids: Any = None, asks: Any = None) -> Quote:
    """Put a price on the board that stands until the next one; with levels, a book."""
    book = Book(levels_from(bids or []), levels_from(asks or [])) if bids is not None or asks is not None else None
    quote = Quote(symbol, Decimal(mark), timezone.now(), None, book, expires=False)
    board.put([quote])
    return quote


def an_order(size: str = "0.01", side: str = "buy", price: str | None = None, **values: Any) -> PlaceOrder:
    """Build a market order, or with a price a limit order."""
    return PlaceOrder(
        symbol=values.pop("symbol", "BTC"),
        side=Side(side),
        size=Decimal(size),
        order_type=values.pop("order_type", OrderType.MARKET if price is None else OrderType.LIMIT),
        price=None if price is None else Decimal(price),
        **values,
    )


def execute(account: Account, *commands: Command) -> list[Answer]:
    """Let the desk carry out commands of the house on one account, in one batch."""
    return desk.execute([Request(account.pk, command) for command in commands])


def done(account: Account, command: Command) -> Done:
    """Carry out a command that must be accepted."""
    [answer] = execute(account, command)
    assert isinstance(answer, Done), answer
    return answer
