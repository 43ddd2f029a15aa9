"""Funding by the engine: each hour once, whatever restarts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, LedgerEntry
from tests.builders import an_account, an_order
from trading.desk import Desk, Done, Request
from trading.domain.book import Book, levels_from
from trading.domain.commands import ClosePosition, SettleFunding
from trading.domain.enums import MarginMode
from trading.domain.market import Quote
from trading.engine import Engine
from trading.market.board import Board
from trading.models import EquityPoint, FundingRate
from trading.prices import store

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = datetime(2026, 4, 9, 13, tzinfo=UTC)
BASE = Decimal("0.0000125")
"""The hourly rate where there is no premium."""


class Time:
    def __init__(self) -> None:
        self.now = HOUR - timedelta(minutes=2)

    def __call__(self) -> datetime:
        return self.now


MakeEngine = Callable[[], Engine]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make_engine(time: Time, settings: Any) -> Any:
    settings.HYPERORU_MARKET = "manual"
    desks: list[Desk] = []

    def make() -> Engine:
        desks.append(Desk(Board(), time))
        return Engine(desks[-1], time)

    yield make
    for desk in desks:
        desk.close()


def put(time: Time, mark: str, oracle: str | None = None, bids: Any = None, asks: Any = None) -> None:
    book = Book(levels_from(bids), levels_from(asks)) if bids is not None else None
    store([Quote("BTC", Decimal(mark), time.now, Decimal(oracle) if oracle else None, book, expires=False)])


def run(engine: Engine, time: Time, until: datetime, step: float = 5) -> None:
    while time.now < until:
        time.now += timedelta(seconds=step)
        engine.step(time.now)


def a_holder(engine: Engine, size: str = "0.1", side: str = "buy") -> Account:
    account = an_account(capital="100000")
    [answer] = engine.desk.execute([Request(account.pk, an_order(size, side))])
    assert isinstance(answer, Done), answer
    return account


def payments(account: Account) -> list[Decimal]:
    return list(LedgerEntry.objects.filter(account=account, kind="funding").values_list("amount", flat=True))


def test_an_hour_is_settled_when_it_has_ended(make_engine: MakeEngine, time: Time) -> None:
    engine = make_engine()
    put(time, "67000", oracle="66900")
    engine.step(time.now)
    long, short = a_holder(engine), a_holder(engine, "0.2", "sell")
    bystander = an_account()
    run(engine, time, HOUR - timedelta(seconds=1), step=1)
    assert not FundingRate.objects.exists()
    cash = Account.objects.get(pk=long.pk).cash
    run(engine, time, HOUR, step=1)
    rate = FundingRate.objects.get()
    assert (rate.instrument_id, rate.hour, rate.oracle) == ("BTC", HOUR, 66_900)
    assert rate.settled_at == HOUR
    assert rate.rate > BASE
    assert payments(long) == [-(Decimal("0.1") * 66_900 * rate.rate).quantize(Decimal("1e-6"), "ROUND_DOWN")]
    assert payments(short) == [(Decimal("0.2") * 66_900 * rate.rate).quantize(Decimal("1e-6"), "ROUND_DOWN")]
    assert payments(bystander) == []
    entry = LedgerEntry.objects.get(account=long, kind="funding")
    assert entry.balance == Account.objects.get(pk=long.pk).cash == cash + entry.amount
    assert entry.key == "funding:BTC:2026-04-09T13"
    assert EquityPoint.objects.filter(account=long).order_by("-id")[0].balance == entry.balance


def test_without_an_oracle_the_mark_stands_for_it_and_the_rate_rests_at_its_base(
    make_engine: MakeEngine, time: Time
) -> None:
    engine = make_engine()
    put(time, "67000")
    engine.step(time.now)
    run(engine, time, HOUR)
    rate = FundingRate.objects.get()
    assert (rate.rate, rate.premium, rate.oracle) == (BASE, 0, 67_000)


def test_the_mean_of_an_hour_outlives_its_leaders(make_engine: MakeEngine, time: Time) -> None:
    def premium(percent: str) -> None:
        level = str(Decimal(60_000) * (1 + Decimal(percent) / 100))
        put(time, "60000", "60000", bids=[[level, "5"]], asks=[[str(Decimal(level) + 60), "5"]])

    first = make_engine()
    premium("1")
    run(first, time, HOUR - timedelta(seconds=60))
    first.stop()
    time.now += timedelta(seconds=5)
    premium("2")
    run(make_engine(), time, HOUR)
    rate = FundingRate.objects.get()
    assert rate.samples == 12 + 10
    assert rate.premium == ((12 * Decimal("0.01") + 10 * Decimal("0.02")) / 22).quantize(Decimal("1e-12"))


def test_an_hour_that_ended_while_nobody_led_is_settled_late_and_one_without_samples_is_not(
    make_engine: MakeEngine, time: Time
) -> None:
    first = make_engine()
    put(time, "67000")
    first.step(time.now)
    holder = a_holder(first)
    run(first, time, HOUR - timedelta(seconds=30))
    first.stop()
    time.now = HOUR + timedelta(hours=2, minutes=20)
    run(make_engine(), time, HOUR + timedelta(hours=2, minutes=21))
    assert [rate.hour for rate in FundingRate.objects.all()] == [HOUR]
    assert len(payments(holder)) == 1


def test_whoever_takes_over_settles_the_rest_and_nobody_pays_twice(make_engine: MakeEngine, time: Time) -> None:
    first = make_engine()
    put(time, "67000")
    first.step(time.now)
    holders = [a_holder(first) for _ in range(3)]
    run(first, time, HOUR)
    assert [len(payments(holder)) for holder in holders] == [1, 1, 1]
    FundingRate.objects.update(settled_at=None)  # as if the leader had been killed before it noted the end
    late = a_holder(first)
    time.now += timedelta(seconds=10)
    second = make_engine()
    second.step(time.now)
    assert second.leads
    assert [len(payments(holder)) for holder in holders] == [1, 1, 1]
    assert FundingRate.objects.get().settled_at == time.now
    assert payments(late) == []  # it held nothing when the hour ended


def test_what_counts_is_what_was_held_when_the_hour_ended_however_late_it_is_settled(
    make_engine: MakeEngine, time: Time
) -> None:
    first = make_engine()
    put(time, "67000")
    first.step(time.now)
    kept, closed, halved, flipped = (a_holder(first, "0.2") for _ in range(4))
    left, alone = a_holder(first, "0.2"), an_account()
    [answer] = first.desk.execute([Request(alone.pk, an_order("0.02", margin_mode=MarginMode.ISOLATED))])
    assert isinstance(answer, Done)
    [answer] = first.desk.execute([Request(left.pk, ClosePosition("BTC"))])
    assert isinstance(answer, Done)
    run(first, time, HOUR - timedelta(seconds=30))
    first.stop()
    time.now = HOUR  # the hour has ended; nobody leads yet
    opened = a_holder(first)
    asked = [
        Request(closed.pk, ClosePosition("BTC")),
        Request(alone.pk, ClosePosition("BTC")),
        Request(halved.pk, an_order("0.1", "sell")),
        Request(flipped.pk, an_order("0.5", "sell")),
        Request(flipped.pk, an_order("0.1", "sell")),
    ]
    assert all(isinstance(answer, Done) for answer in first.desk.execute(asked))
    time.now += timedelta(minutes=20)
    run(make_engine(), time, time.now + timedelta(seconds=10))
    rate = FundingRate.objects.get()
    whole = -(Decimal("0.2") * rate.oracle * rate.rate).quantize(Decimal("1e-6"), "ROUND_DOWN")
    assert [payments(each) for each in (kept, closed, halved, flipped)] == [[whole]] * 4
    assert payments(alone) == [(whole / 10).quantize(Decimal("1e-6"), "ROUND_DOWN")]
    assert payments(opened) == payments(left) == []


def test_a_fill_in_the_batch_that_settles_comes_after_the_hour(make_engine: MakeEngine, time: Time) -> None:
    engine = make_engine()
    put(time, "67000")
    engine.step(time.now)
    holder = a_holder(engine, "0.2")
    time.now = HOUR
    command = SettleFunding("BTC", HOUR, BASE, Decimal(67_000))
    engine.desk.execute([Request(holder.pk, ClosePosition("BTC")), Request(holder.pk, command)])
    assert payments(holder) == [Decimal("-0.167500")]


def test_the_same_hour_twice_in_one_batch_pays_once(make_engine: MakeEngine, time: Time) -> None:
    engine = make_engine()
    put(time, "67000")
    engine.step(time.now)
    holder = a_holder(engine)
    command = SettleFunding("BTC", HOUR, BASE, Decimal(67_000))
    answers = engine.desk.execute([Request(holder.pk, command), Request(holder.pk, command)])
    assert [answer.duplicate for answer in answers if isinstance(answer, Done)] == [False, True]
    assert payments(holder) == [Decimal("-0.083750")]
