"""Liquidation on disk: both accounts in one transaction, and a house that nobody else gets at."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Account, LedgerEntry, User
from accounts.selectors import account_views, visible_accounts
from accounts.services import grant_access, house_account
from tests.builders import a_token, a_user, an_account, an_order, done, execute, set_price, token_row
from tests.desk.given import everything, on_save
from trading.authority import Actor
from trading.desk import Request, desk
from trading.domain.commands import Liquidate, TakeOver
from trading.domain.enums import MarginMode
from trading.domain.errors import NotFound, OrderRejected
from trading.exposure import SLICE_EVERY, Exposure
from trading.market.board import board
from trading.models import Order, Position, Trade
from trading.prices import market_now

pytestmark = pytest.mark.django_db(transaction=True)


def btc(mark: str, bids: Any = None) -> None:
    set_price("BTC", mark, bids=bids if bids is not None else [[mark, "100"]], asks=[[mark, "100"]])


@pytest.fixture
def long() -> Account:
    """An account that holds 1 BTC long from 60,000 with about 6,000 of its own."""
    btc("60000")
    account = an_account(capital="6027")
    done(account, an_order("1", leverage=10))
    return account


def house() -> Account:
    return Account.objects.get(is_house=True)


def test_what_goes_over_is_written_on_both_sides_in_one_batch(long: Account) -> None:
    btc("54400", bids=[])
    done(long, Liquidate())
    taken = Position.objects.get(account=house())
    assert (taken.side, taken.size, taken.entry_notional) == ("long", 1, 54400)
    assert Position.objects.get(account=long).size == 0
    assert LedgerEntry.objects.filter(kind="backstop").aggregate(total=Sum("amount"))["total"] == 0
    long.refresh_from_db()
    assert (long.cash, house().cash) == (0, 400)
    for account in (long, house()):
        trade = Trade.objects.filter(account=account).latest("pk")
        assert (trade.fill_quality, trade.liquidation, trade.fee, trade.price) == ("backstop", True, 0, 54400)
        assert trade.order.reason == "backstop"


def test_bad_debt_is_the_houses(long: Account) -> None:
    btc("53000", bids=[])
    done(long, Liquidate())
    long.refresh_from_db()
    assert (long.cash, house().cash) == (0, -1000)
    debts = LedgerEntry.objects.filter(kind="bad_debt").order_by("account")
    assert {(entry.account_id, entry.amount) for entry in debts} == {(long.pk, 1000), (house().pk, -1000)}


def test_should_the_houses_side_fail_nothing_is_done(long: Account) -> None:
    btc("54400", bids=[])
    done(an_account(), Liquidate())  # the house is there
    before = everything()

    def fail(instance: Position) -> None:
        if instance.account_id == house().pk:
            raise IntegrityError

    with on_save(Position, fail):
        execute(long, Liquidate())
    assert everything() == before


def test_several_accounts_go_over_in_one_batch(long: Account) -> None:
    other = an_account(capital="6027")
    done(other, an_order("1", leverage=10))
    btc("54400", bids=[])
    desk.execute([Request(account.pk, Liquidate()) for account in (other, long)])
    assert Position.objects.get(account=house()).size == 2
    assert house().cash == 800


def test_a_liquidation_in_the_market_is_told_as_such(long: Account) -> None:
    btc("54600")
    order = Order.objects.get()
    done(long, Liquidate())
    trade = Trade.objects.latest("pk")
    assert trade.order_id != order.pk
    assert (trade.order.reason, trade.liquidation, trade.fill_quality) == ("liquidation", True, "book")
    assert trade.fee == Decimal("24.57")
    assert not Position.objects.filter(account=house()).exists()


# The house


def test_the_house_is_made_once_and_nobody_signs_in_as_its_user() -> None:
    namesake = a_user(username="house")
    made = house_account(timezone.now())
    assert house_account(timezone.now()) == made
    assert made.owner != namesake
    assert not made.owner.is_active
    assert not made.owner.has_usable_password()
    assert User.objects.filter(username__startswith="house").count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=an_account().pk).update(is_house=True)


def test_nobody_sees_the_house_or_trades_on_it() -> None:
    btc("60000")
    made, user = house_account(timezone.now()), a_user()
    grant_access(account=made, user=user, role="trader")
    assert list(visible_accounts(user.pk)) == list(visible_accounts(made.owner_id)) == []
    assert account_views(user.pk) == account_views(made.owner_id) == []
    actor = Actor(token_row(a_token(user)).pk, user.pk, user.pk)
    [answer] = desk.execute([Request(made.pk, an_order("0.1"), actor)])
    assert isinstance(answer, NotFound)


def test_only_the_house_takes_over(long: Account) -> None:
    [answer] = execute(long, TakeOver(1, (), (), Decimal(1)))
    assert isinstance(answer, OrderRejected)


# Who is near


@pytest.fixture
def exposure() -> Exposure:
    return Exposure()


def near(exposure: Exposure) -> list[int]:
    exposure.refresh()
    return exposure.near(market_now(board))


def test_who_lacks_maintenance_is_near_and_nobody_else(long: Account, exposure: Exposure) -> None:
    an_account()
    btc("54700")  # 727 left, 683.75 needed
    assert near(exposure) == []
    btc("54650")  # 677 left, 683.125 needed
    assert near(exposure) == [long.pk]


def test_fills_and_cash_of_whoever_are_seen_at_the_next_look(exposure: Exposure) -> None:
    btc("60000")
    assert near(exposure) == []
    account = an_account(capital="6027")
    done(account, an_order("1", leverage=10))
    btc("54650")
    assert near(exposure) == [account.pk]
    done(account, an_order("1", "sell"))
    assert near(exposure) == []


def test_isolated_positions_stand_alone_in_the_table_too(exposure: Exposure) -> None:
    btc("60000")
    account = an_account(capital="100000")
    done(account, an_order("0.1", leverage=10, margin_mode=MarginMode.ISOLATED))
    btc("54720")
    assert near(exposure) == []
    btc("54700")
    assert near(exposure) == [account.pk]


def test_what_a_correction_changed_is_seen_and_so_is_a_debt(long: Account, exposure: Exposure) -> None:
    btc("60000")
    position = Position.objects.get(account=long)
    position.size, position.entry_notional = Decimal(3), Decimal(190_000)
    position.save()
    assert near(exposure) == [long.pk]
    Position.objects.filter(account=long).update(size=0, entry_notional=0)
    Account.objects.filter(pk=long.pk).update(cash=-1)
    for _ in range(SLICE_EVERY):
        last = near(exposure)
    assert last == [long.pk], "without a row that tells it, when its turn comes"


def test_the_house_is_not_in_the_table(long: Account, exposure: Exposure) -> None:
    btc("54400", bids=[])
    done(long, Liquidate())
    btc("30000")
    assert near(exposure) == []
    assert Exposure().near(market_now(board)) == []
