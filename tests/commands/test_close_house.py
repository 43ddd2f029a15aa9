"""Ops close what the house took over."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from tests.builders import an_account, an_order, done, set_price
from trading.domain.commands import Liquidate
from trading.models import Position, Trade
from trading.reconciling import AccountCheck

pytestmark = pytest.mark.django_db(transaction=True)


def run(*symbols: str) -> tuple[str, str, int]:
    out, errors, code = StringIO(), StringIO(), 0
    try:
        call_command("close_house", *symbols, stdout=out, stderr=errors)
    except SystemExit as end:
        code = int(str(end.code))
    return out.getvalue(), errors.getvalue(), code


def test_where_the_house_holds_nothing_that_is_told() -> None:
    assert run() == ("The house holds nothing.\n", "", 0)
    with pytest.raises(CommandError, match="holds no BTC"):
        run("BTC")


def test_positions_are_closed_as_far_as_the_book_goes() -> None:
    set_price("BTC", "60000", bids=[["60000", "9"]], asks=[["60000", "9"]])
    account = an_account(capital="6027")
    done(account, an_order("1", leverage=10))
    set_price("BTC", "54400", bids=[], asks=[])
    done(account, Liquidate())
    out, errors, code = run()
    assert (out, code) == ("", 1)
    assert errors.startswith("BTC: ")
    set_price("BTC", "54000", bids=[["53990", "0.4"]], asks=[["54010", "9"]])
    assert run("BTC") == ("BTC: 0.4 closed, 0.6 left.\n", "", 0)
    set_price("BTC", "54000", bids=[["53990", "4"]], asks=[["54010", "9"]])
    assert run() == ("BTC: 0.6 closed, 0 left.\n", "", 0)
    house = Account.objects.get(is_house=True)
    assert Position.objects.get(account=house).size == 0
    assert Trade.objects.filter(account=house, fill_quality="book").count() == 2
    check = AccountCheck(house.pk)
    check.step()
    assert check.first is None
