"""Candles by the engine: of the marks that it plays, by the exchange's clock, whoever leads."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import Min
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from trading.candles import CandleView, candles
from trading.charting import KEPT, MOST_DRAWN, Charting, store
from trading.desk import Desk
from trading.domain.candles import INTERVALS, opening
from trading.domain.market import Quote
from trading.engine import Engine
from trading.market.board import Board
from trading.models import Candle, Instrument
from trading.prices import store as store_prices
from trading.pruning import BATCH, EVERY, Pruner
from trading.signals import housekeeping

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 4, 9, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Time:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make_engine(time: Time) -> Iterator[Callable[[], Engine]]:
    desks: list[Desk] = []

    def make() -> Engine:
        desks.append(Desk(Board(), time))
        return Engine(desks[-1], time)

    yield make
    for desk in desks:
        desk.close()


MakeEngine = Callable[[], Engine]


def run(engine: Engine, time: Time, seconds: float, step: float = 0.5) -> None:
    for _ in range(round(seconds / step)):
        time.now += timedelta(seconds=step)
        engine.step(time.now)


def put(time: Time, *prices: str) -> None:
    """Set BTC's price as staff does in the manual market, the last of several."""
    for mark in prices:
        store_prices([Quote("BTC", Decimal(mark), time.now, expires=False)])


def read(interval: str, symbol: str = "BTC", now: datetime = datetime(2100, 1, 1, tzinfo=UTC)) -> list[CandleView]:
    return candles(symbol, interval, now, None, 1_000)


def prices_of(candle: CandleView) -> tuple[int, ...]:
    return tuple(int(price) for price in (candle.open, candle.high, candle.low, candle.close))


def test_prices_put_by_staff_become_candles(make_engine: MakeEngine, time: Time) -> None:
    engine = make_engine()
    for mark in ("100", "130", "90", "110"):
        put(time, mark)
        run(engine, time, 1)
    run(engine, time, 3)
    put(time, "140")
    run(engine, time, 1.5)
    assert [(each.opened_at, prices_of(each)) for each in read("5s")] == [
        (START, (100, 130, 90, 110)),
        (START + 5 * SECOND, (110, 140, 110, 140)),
    ]
    for interval in ("1m", "5m", "15m", "1h", "4h", "1d"):
        [candle] = read(interval)
        assert (candle.opened_at, prices_of(candle)) == (opening(START, interval), (100, 140, 90, 140))
        assert candle.volume is None
    assert read("5s", "ETH") == []


def test_a_price_that_stands_makes_flat_candles(make_engine: MakeEngine, time: Time) -> None:
    engine = make_engine()
    put(time, "100")
    run(engine, time, 20.5)
    found = read("5s")
    assert [each.opened_at for each in found] == [START + number * 5 * SECOND for number in range(5)]
    assert {prices_of(each) for each in found} == {(100, 100, 100, 100)}


def test_nothing_is_written_where_nothing_changed(make_engine: MakeEngine, time: Time) -> None:
    engine = make_engine()
    put(time, "100")
    run(engine, time, 1)
    with CaptureQueriesContext(connection) as captured:
        run(engine, time, 3)
    assert [each["sql"] for each in captured if "INSERT INTO" in each["sql"] and "candle" in each["sql"]] == []


def test_a_replay_has_candles_of_the_wall_clock_from_its_first_step(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    settings.HYPERORU_MARKET = "replay"
    settings.HYPERORU_REPLAY_SPEED = 60.0
    engine = make_engine()
    engine.step(time.now)
    past = read("5s")
    assert past[-1].opened_at == START
    assert len(past) == 41  # 200 minutes at sixty times the speed, and the one that forms
    assert {later.opened_at - earlier.opened_at for earlier, later in pairwise(past)} == {5 * SECOND}
    assert len({each.close for each in past}) > 20
    run(engine, time, 30)
    assert [each.opened_at for each in read("1m")] == [START + timedelta(minutes=number) for number in range(-4, 1)]
    shorter, [longer] = [each for each in read("5s") if each.opened_at >= START], read("1m")[-1:]
    assert longer.open == shorter[0].open
    assert (longer.high, longer.low) == (max(each.high for each in shorter), min(each.low for each in shorter))
    assert longer.close == shorter[-1].close
    assert {each.instrument_id for each in Candle.objects.all()} == {"BTC", "ETH"}


@pytest.mark.parametrize("speed", [0.0001, 1.0, 7.0, 100_000.0])
def test_the_past_that_is_drawn_is_bounded_and_touches_the_present(
    make_engine: MakeEngine, time: Time, settings: Any, speed: float
) -> None:
    settings.HYPERORU_MARKET = "simulated"
    settings.HYPERORU_REPLAY_SPEED = speed
    make_engine().step(time.now)
    for interval, step in INTERVALS.items():
        found = read(interval)
        assert 1 <= len(found) <= MOST_DRAWN + 1
        assert found[-1].opened_at == opening(START, interval)
        assert {later.opened_at - earlier.opened_at for earlier, later in pairwise(found)} <= {step}
        assert found[0].opened_at > START - KEPT.get(interval, timedelta(days=10_000)) - step


def test_a_past_is_drawn_only_once(make_engine: MakeEngine, time: Time, settings: Any) -> None:
    settings.HYPERORU_MARKET = "replay"
    first = make_engine()
    run(first, time, 2)
    first.stop()
    before = read("5s")
    time.now += timedelta(hours=1)
    make_engine().step(time.now)
    assert read("5s")[: len(before) - 1] == before[:-1]
    assert len(read("5s")) == len(before) + 1  # no price for an hour: no candles


@pytest.mark.parametrize("gives_back", [True, False])
def test_who_leads_next_goes_on_with_the_stored_candles(make_engine: MakeEngine, time: Time, gives_back: bool) -> None:
    first = make_engine()
    put(time, "100")
    run(first, time, 1)
    put(time, "150")
    run(first, time, 1)
    put(time, "120")
    run(first, time, 1)
    if gives_back:
        first.stop()
    else:  # killed, or cut off: its lease runs out
        time.now += timedelta(seconds=10)
    put(time, "90")
    run(make_engine(), time, 1)
    [candle] = read("1m")
    assert prices_of(candle) == (100, 150, 90, 90)
    assert prices_of(read("5s")[0])[:2] == (100, 150)


def test_who_leads_again_goes_on_with_what_another_wrote(make_engine: MakeEngine, time: Time) -> None:
    first, second = make_engine(), make_engine()
    put(time, "100")
    run(first, time, 1)
    time.now += timedelta(seconds=10)
    put(time, "170")
    run(second, time, 1)
    second.stop()
    put(time, "110")
    run(first, time, 1)
    assert first.leads
    assert prices_of(read("1m")[0]) == (100, 170, 100, 110)


def test_a_clock_that_was_set_back_adds_to_the_candles_that_there_are() -> None:
    charting = Charting()
    back = START + 2 * SECOND
    for at, mark in ((START, 100), (START + timedelta(minutes=10), 200), (back, 80)):
        charting.take("BTC", Decimal(mark), at)
        store(charting.rows())
    assert [prices_of(each) for each in read("1m")] == [(100, 100, 80, 80), (200, 200, 200, 200)]
    assert [prices_of(each) for each in read("1h")] == [(100, 200, 80, 80)]
    assert [each.opened_at for each in read("1m", now=back)] == [START]
    for minutes, mark in ((10, 220), (11, 230)):  # it comes by the same times again
        charting.take("BTC", Decimal(mark), START + timedelta(minutes=minutes))
        store(charting.rows())
    assert [prices_of(each) for each in read("1m")][1:] == [(200, 220, 200, 220), (230, 230, 230, 230)]
    assert [prices_of(each) for each in read("1h")] == [(100, 230, 80, 230)]


@pytest.mark.parametrize("gone", ["deleted", "not listed"])
def test_an_instrument_that_is_gone_stops_no_market(make_engine: MakeEngine, time: Time, gone: str) -> None:
    engine = make_engine()
    put(time, "100")
    store_prices([Quote("ETH", Decimal(10), time.now, expires=False)])
    run(engine, time, 2)
    eth = Instrument.objects.filter(pk="ETH")
    if gone == "deleted":
        eth.delete()
    else:
        eth.update(listed=False)
    put(time, "101")
    run(engine, time, 10)
    assert engine.leads
    assert read("5s")[-1].close == 101
    assert len(read("5s", "ETH")) == (0 if gone == "deleted" else 1)


def test_a_mark_that_is_a_little_late_counts_as_of_now() -> None:
    charting = Charting()
    charting.take("BTC", Decimal(100), START)
    charting.take("BTC", Decimal(120), START - SECOND)
    store(charting.rows())
    [candle] = read("5s")
    assert (candle.opened_at, prices_of(candle)) == (START, (100, 120, 100, 120))


@given(
    st.lists(
        st.tuples(st.sampled_from(["BTC", "ETH"]), st.integers(1, 500), st.floats(0, 40), st.booleans(), st.booleans()),
        max_size=40,
    )
)
def test_stored_candles_are_those_of_the_marks_however_often_they_are_stored(
    told: list[tuple[str, int, float, bool, bool]],
) -> None:
    """However long is between marks, whenever they are written, and whenever another goes on."""
    Candle.objects.all().delete()
    charting, at = Charting(), START
    marks: list[tuple[str, datetime, Decimal]] = []
    for symbol, mark, after, is_stored, is_new in told:
        at += timedelta(seconds=after)
        charting.take(symbol, Decimal(mark), at)
        marks.append((symbol, at, Decimal(mark)))
        if is_stored or is_new:
            store(charting.rows())
            assert charting.rows() == []
        if is_new:
            charting = Charting()
    store(charting.rows())
    for symbol in ("BTC", "ETH"):
        for interval in INTERVALS:
            expected: dict[datetime, list[Decimal]] = {}
            for owner, moment, mark in marks:
                if owner == symbol:
                    expected.setdefault(opening(moment, interval), []).append(mark)
            assert read(interval, symbol) == [
                CandleView(opened, inside[0], max(inside), min(inside), inside[-1], None)
                for opened, inside in expected.items()
            ]


@pytest.mark.parametrize(
    "change",
    [{"low": 101}, {"high": 99}, {"close": 104}, {"close": 96}, {"low": 0}, {"interval": "2m"}, {"volume": -1}],
)
def test_the_database_takes_no_candle_that_can_not_be(change: dict[str, Any]) -> None:
    sound: dict[str, Any] = {"open": 100, "high": 103, "low": 97, "close": 100, "interval": "1m", "volume": None}
    values = {**sound, "instrument_id": "BTC", "opened_at": START}
    with pytest.raises(IntegrityError):
        Candle.objects.create(**{**values, **change})
    Candle.objects.create(**values)
    with pytest.raises(IntegrityError):
        Candle.objects.create(**values)


def flat(interval: str, opened_at: datetime) -> Candle:
    return Candle(instrument_id="BTC", interval=interval, opened_at=opened_at, open=1, high=1, low=1, close=1)


def test_old_candles_are_pruned_a_few_in_each_step() -> None:
    now = START
    for interval, kept in [*KEPT.items(), ("1h", timedelta(days=4_000))]:
        step = INTERVALS[interval]
        Candle.objects.bulk_create(flat(interval, now - kept - number * step) for number in range(-2, BATCH + 50))
    sender = Pruner()  # any object
    for _ in range(100):
        before = Candle.objects.count()
        housekeeping.send_robust(sender=sender, now=now)
        assert before - Candle.objects.count() <= BATCH
    for interval, kept in KEPT.items():
        left = Candle.objects.filter(interval=interval)
        assert left.count() == 3
        assert left.aggregate(first=Min("opened_at"))["first"] == now - kept
    assert Candle.objects.filter(interval="1h").count() == BATCH + 52


def test_pruning_looks_again_only_after_a_while() -> None:
    pruner = Pruner()
    flat("1d", START).save()
    for number in range(100):
        pruner.step(START + number * SECOND)
    with CaptureQueriesContext(connection) as captured:
        pruner.step(START + EVERY - SECOND)
        assert len(captured) == 0
        pruner.step(START + EVERY)
        assert len(captured) > 0
