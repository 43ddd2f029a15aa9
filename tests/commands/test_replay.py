"""The command that plays recorded candles through the engine."""

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.models import Account, LedgerEntry
from accounts.services import open_account
from tests.builders import a_user, an_account
from tests.reconciling.given import tamper
from trading.domain.enums import LedgerKind
from trading.domain.instruments import Instrument, MarginTier
from trading.lease import Lease
from trading.market.feeds.candles import SHIPPED, common_segment, read_candles
from trading.models import Candle, EngineLease, EquityPoint, FundingRate, ModelDecision, Order, Trade
from trading.replaying import Refused, Replay

pytestmark = pytest.mark.django_db(transaction=True)
FILES = [f"{symbol}={path}" for symbol, path in SHIPPED.items()]
BARS = 62
LONG_BEFORE = datetime(2018, 3, 1, tzinfo=UTC)
INSTRUMENT = Instrument("BTC", 5, (MarginTier(Decimal(0), 40),))


def run(*words: str) -> tuple[dict[str, Any], int]:
    """Return what the command told as JSON, and the code that it ended with."""
    out = StringIO()
    try:
        call_command("replay", *words, "--json", stdout=out)
    except SystemExit as end:
        return json.loads(out.getvalue()), int(str(end.code))
    return json.loads(out.getvalue()), 0


def a_replay(bars: int) -> Replay:
    series = common_segment({"BTC": read_candles(SHIPPED["BTC"], INSTRUMENT)})
    return Replay({"BTC": series["BTC"][: 200 + bars]})


def test_it_plays_the_recording_at_its_own_time_and_everything_agrees() -> None:
    told, code = run(*FILES, "--bars", str(BARS))
    start = a_replay(1).start
    end = start + timedelta(minutes=BARS)
    assert (code, told["bars"], told["differences"]) == (0, BARS, 0)
    assert told["decisions"] == ModelDecision.objects.count() > 0
    assert told["orders"] == Order.objects.count() > 0
    assert told["trades"] == Trade.objects.count() > 0
    assert not Candle.objects.exists()  # those are of the exchange's own time
    hours = {hour for (hour,) in FundingRate.objects.values_list("hour")}
    assert all(start < hour <= end and hour.minute == 0 for hour in hours)
    assert told["funding_hours"] == 2 * len(hours) > 0
    assert LedgerEntry.objects.filter(kind=LedgerKind.FUNDING, created_at__range=(start, end)).exists()
    accounts = Account.objects.filter(is_house=False)
    assert {account.created_at for account in accounts} == {start}
    # every 10 s, at prices 15 s apart: with each of them, and at the beginning
    points = EquityPoint.objects.filter(account=accounts[0], timestamp__range=(start, end))
    assert points.values("timestamp").distinct().count() >= 4 * BARS
    assert Lease(timedelta(seconds=4)).hold(timezone.now()), "the lease was given back"


def test_one_recording_follows_another_but_never_goes_back() -> None:
    first, second = (a_replay(bars) for bars in (2, 4))
    first.begin()
    open_account(owner=a_user(), name="a", starting_capital=Decimal(100), now=first.start)
    assert len(list(first.moments())) == 8
    first.close()
    with pytest.raises(Refused, match="time would go back"):
        second.begin()
    second.close()


def test_accounts_of_today_cannot_trade_in_the_past() -> None:
    an_account()
    with pytest.raises(CommandError, match=r"time would go back\. Play it on a database of its own"):
        run(*FILES)
    assert not EngineLease.objects.exists()


def test_nothing_is_done_while_another_engine_leads() -> None:
    assert Lease(timedelta(minutes=1)).hold(timezone.now())
    with pytest.raises(CommandError, match="An engine leads on this database: stop it first"):
        run(*FILES)
    assert not Account.objects.exists()


def test_it_ends_where_another_engine_takes_the_lead() -> None:
    replay = a_replay(10)
    replay.begin()
    account = open_account(owner=a_user(), name="a", starting_capital=Decimal(100), now=replay.start)
    moments = replay.moments()
    next(moments)
    EngineLease.objects.update(holder="another", fence=99, expires_at=timezone.now() + timedelta(minutes=1))
    written = EquityPoint.objects.filter(account=account).count()
    with pytest.raises(Refused, match="Another engine took the lead"):
        next(moments)
    replay.close()
    assert EquityPoint.objects.filter(account=account).count() == written
    assert EngineLease.objects.get().holder == "another"


def test_it_does_not_begin_again_where_another_engine_led_meanwhile() -> None:
    replay = a_replay(10)
    replay.begin()
    moments = replay.moments()
    next(moments)
    EngineLease.objects.update(holder="another", fence=99, expires_at=timezone.now())
    with pytest.raises(Refused, match="Another engine"):
        list(moments)
    replay.close()


def test_a_difference_ends_it_with_code_1() -> None:
    account = open_account(owner=a_user(), name="a", starting_capital=Decimal(100), now=LONG_BEFORE)
    tamper("accounts_account", "cash", "cash + 1000000", f"id = {account.pk}")
    told, code = run(FILES[0], "--bars", "1")
    assert (told["differences"] > 0, code) == (True, 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.csv"], "nowhere.csv: No such file"),
        (["DOGE=nowhere.csv"], "DOGE is not traded here, only BTC, ETH"),
        ([FILES[0], FILES[0]], "one file for each symbol"),
        (["=x.csv"], "is no .SYMBOL=.FILE"),
        ([FILES[0], "--bars", "0"], "must be 1 or more"),
        ([__file__], "is no candle"),
    ],
)
def test_what_cannot_be_played_is_told(words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*words)
    assert not Account.objects.exists()


def test_it_says_what_it_will_do_and_asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = StringIO()
    monkeypatch.setattr(sys, "stdin", StringIO("n\n"))
    with pytest.raises(CommandError, match="Nothing was done"):
        call_command("replay", FILES[0], "--bars", "3", stdout=out)
    assert "3 bars from 2018-04-0" in out.getvalue()
    assert not Account.objects.exists()
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    call_command("replay", FILES[0], "--bars", "3", stdout=out)
    assert "no difference." in out.getvalue()
