"""The engine, step by step, at times that the test gives."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.signals import post_save

from accounts.models import Account
from tests.builders import an_account, an_order
from tests.desk.given import on_save
from trading.desk import RETRIES, Desk, Done, Request, Unavailable
from trading.domain.book import Book, levels_from
from trading.domain.commands import RecordEquity
from trading.domain.errors import Rejection
from trading.domain.market import Quote
from trading.engine import Engine
from trading.market.board import Board
from trading.models import EquityPoint, FeedCursor, Instrument, MarketPrice, ModelDecision, Order, Position, Trade
from trading.prices import store

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 4, 9, 12, tzinfo=UTC)
MODEL = {
    "symbols": ["BTC"], "period": 6, "lookback": 60, "oversold": 40, "overbought": 60, "exit_level": 55, "near_atr": 2,
    "stop_atr": 6, "target_atr": 4, "risk_pct": 0.003, "leverage": 5, "every": 5,
}  # fmt: skip


class Time:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


MakeEngine = Callable[[], Engine]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def make_engine(time: Time) -> Any:
    desks: list[Desk] = []

    def make() -> Engine:
        desks.append(Desk(Board(), time))
        return Engine(desks[-1], time)

    yield make
    for desk in desks:
        desk.close()


def run(engine: Engine, time: Time, seconds: float, step: float = 0.25) -> None:
    for _ in range(round(seconds / step)):
        time.now += timedelta(seconds=step)
        engine.step(time.now)


def test_the_replay_brings_prices_bars_and_decisions(make_engine: MakeEngine, time: Time, settings: Any) -> None:
    settings.HYPERORU_MARKET = "replay"
    account = an_account(model="rsi_support_resistance", model_settings=MODEL)
    engine = make_engine()
    run(engine, time, 31)
    assert {price.instrument_id for price in MarketPrice.objects.all()} == {"BTC", "ETH"}
    decisions = ModelDecision.objects.filter(account=account)
    assert decisions.count() >= 5
    assert Trade.objects.filter(account=account).exists()
    traded = Order.objects.filter(account=account).select_related("decision")
    assert all(order.decision is not None and order.decision.decision != "hold" for order in traded)
    for decision in decisions:
        assert decision.facts
        assert "RSI" in decision.reasoning or "Stop" in decision.reasoning or "Target" in decision.reasoning


def test_a_restart_goes_on_where_the_feed_was_and_decides_nothing_twice(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    settings.HYPERORU_MARKET = "replay"
    an_account(model="rsi_support_resistance", model_settings=MODEL)
    first = make_engine()
    run(first, time, 10)
    last = {price.instrument_id: price.mark for price in MarketPrice.objects.all()}
    cursor = FeedCursor.objects.get(pk="engine").position
    time.now += timedelta(minutes=5)  # killed: nothing was given back, the lease ran out
    second = make_engine()
    second.step(time.now)
    assert {symbol: quote.mark for symbol, quote in second.desk.board.quotes.items()} == last
    assert FeedCursor.objects.get(pk="engine").position["next_bar"] == cursor["next_bar"]
    run(second, time, 10)
    ids = list(ModelDecision.objects.values_list("client_decision_id", flat=True))
    assert len(ids) == len(set(ids))


def test_the_same_model_on_the_same_market_makes_the_same_trades(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    settings.HYPERORU_MARKET = "simulated"
    accounts = [an_account(model="rsi_support_resistance", model_settings=MODEL) for _ in range(2)]
    run(make_engine(), time, 30)
    rows = [
        list(Trade.objects.filter(account=a).order_by("id").values_list("side", "price", "size", "fee", "executed_at"))
        for a in accounts
    ]
    assert rows[0]
    assert rows[0] == rows[1]


def test_a_price_put_by_staff_fills_the_orders_that_it_reaches_best_first(make_engine: MakeEngine, time: Time) -> None:
    engine = make_engine()
    account = an_account(capital="100000")
    place(engine, account, time, "68500")
    put(time, "66000", bids=[["65999", "1"]], asks=[["66001", "0.015"]])
    run(engine, time, 0.25)
    filled = {order.price: order.filled_size for order in Order.objects.filter(account=account)}
    assert filled == {Decimal(67_000): Decimal("0.01"), Decimal(66_500): Decimal("0.005"), Decimal(60_000): 0}
    assert [trade.price for trade in Trade.objects.order_by("id")] == [67_000, 66_500]
    run(engine, time, 1)
    assert Trade.objects.count() == 2


def place(engine: Engine, account: Account, time: Time, mark: str) -> None:
    put(time, mark)
    run(engine, time, 0.25)
    for price in ("66500", "67000", "60000"):
        [answer] = engine.desk.execute([Request(account.pk, an_order("0.01", price=price))])
        assert isinstance(answer, Done), answer


def put(time: Time, mark: str, bids: Any = None, asks: Any = None) -> None:
    time.now += timedelta(seconds=1)
    book = Book(levels_from(bids), levels_from(asks)) if bids else None
    store([Quote("BTC", Decimal(mark), time.now, None, book, expires=False)])


def test_equity_is_written_every_ten_seconds(make_engine: MakeEngine, time: Time) -> None:
    account = an_account()
    run(make_engine(), time, 35)
    points = list(EquityPoint.objects.filter(account=account).order_by("timestamp"))
    assert len(points) == 4
    assert all(point.equity == point.balance == 10_000 for point in points)
    gaps = {(b.timestamp - a.timestamp).total_seconds() for a, b in pairwise(points)}
    assert gaps == {10.0}


def test_of_two_engines_one_leads_and_the_other_takes_over(make_engine: MakeEngine, time: Time) -> None:
    account = an_account()
    first, second = make_engine(), make_engine()
    first.step(time.now)
    second.step(time.now)
    assert (first.leads, second.leads) == (True, False)
    assert EquityPoint.objects.filter(account=account).count() == 1
    time.now += timedelta(seconds=4.5)
    second.step(time.now)
    assert second.leads
    first.step(time.now + timedelta(seconds=0.5))
    assert not first.leads
    second.stop()
    first.step(time.now)
    assert first.leads


def test_who_leads_again_after_another_goes_on_where_that_stopped(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    """A process that was suspended for a while may find its lease free, and know nothing of the other."""
    settings.HYPERORU_MARKET = "replay"
    settings.HYPERORU_REPLAY_SPEED = 60.0
    an_account(model="rsi_support_resistance", model_settings={**MODEL, "every": 1})
    first, second = make_engine(), make_engine()
    run(first, time, 3)
    time.now += timedelta(seconds=5)
    run(second, time, 10)
    second.stop()
    reached = FeedCursor.objects.get(pk="engine").position["market_us"]
    run(first, time, 3)
    assert first.leads
    assert FeedCursor.objects.get(pk="engine").position["market_us"] > reached
    ids = list(ModelDecision.objects.order_by("pk").values_list("client_decision_id", flat=True))
    numbers = [int(name.rsplit(":", 1)[1]) for name in ids if name]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_deposed_engine_writes_nothing_more(make_engine: MakeEngine, time: Time) -> None:
    an_account()
    first, second = make_engine(), make_engine()
    first.step(time.now)
    first.lease.duration = timedelta(hours=1)  # it believes to lead for long
    time.now += timedelta(seconds=5)
    second.step(time.now)
    assert second.leads
    before = EquityPoint.objects.count()
    time.now += timedelta(seconds=20)
    first.step(time.now)
    assert not first.leads
    assert EquityPoint.objects.count() == before


def test_a_model_whose_settings_are_wrong_keeps_no_other_from_deciding(
    make_engine: MakeEngine, time: Time, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HYPERORU_MARKET = "replay"
    an_account(model="rsi_support_resistance", model_settings={"nonsense": 1})
    an_account(model="nobody")
    good = an_account(model="rsi_support_resistance", model_settings=MODEL)
    frozen = an_account(model="rsi_support_resistance", model_settings=MODEL, status="frozen")
    run(make_engine(), time, 12)
    assert set(ModelDecision.objects.values_list("account_id", flat=True)) == {good.pk}
    assert frozen.status == "frozen"
    assert "can't be run" in caplog.text


def test_the_day_rolls_at_midnight_utc(make_engine: MakeEngine, time: Time) -> None:
    time.now = datetime(2026, 4, 9, 23, 59, 45, tzinfo=UTC)
    account = an_account()
    Account.objects.filter(pk=account.pk).update(day=time.now.date(), last_equity=Decimal(9_900))
    engine = make_engine()
    run(engine, time, 40)
    account.refresh_from_db()
    assert account.day == datetime(2026, 4, 10, tzinfo=UTC).date()
    assert account.day_open_equity == 10_000
    assert account.day_net_deposits == 0
    assert EquityPoint.objects.order_by("-id")[0].daily_pnl == 0


def test_another_market_goes_on_with_the_bar_numbers(make_engine: MakeEngine, time: Time, settings: Any) -> None:
    account = an_account(model="rsi_support_resistance", model_settings=MODEL)
    settings.HYPERORU_MARKET = "replay"
    first = make_engine()
    run(first, time, 10)
    first.stop()
    before = ModelDecision.objects.filter(account=account).count()
    settings.HYPERORU_MARKET = "simulated"
    run(make_engine(), time, 15)
    assert ModelDecision.objects.filter(account=account).count() > before


def test_settings_that_are_no_object_keep_no_other_model_from_deciding(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    settings.HYPERORU_MARKET = "replay"
    wrong = an_account(model="rsi_support_resistance")
    Account.objects.filter(pk=wrong.pk).update(model_settings=[])
    an_account(model="rsi_support_resistance", model_settings={"period": 300})
    good = an_account(model="rsi_support_resistance", model_settings=MODEL)
    run(make_engine(), time, 12)
    assert set(ModelDecision.objects.values_list("account_id", flat=True)) == {good.pk}


def test_prices_are_stored_each_second_however_seldom_the_market_moves(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    settings.HYPERORU_MARKET = "replay"
    settings.HYPERORU_REPLAY_SPEED = 7.0
    engine = make_engine()
    for _ in range(200):
        time.now += timedelta(seconds=0.11)
        engine.step(time.now)
        age = max((time.now - price.at).total_seconds() for price in MarketPrice.objects.all())
        assert age < 3


def test_a_decision_that_the_database_did_not_take_is_made_again(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    settings.HYPERORU_MARKET = "replay"
    an_account(model="rsi_support_resistance", model_settings={**MODEL, "every": 1})
    engine = make_engine()
    failures = iter([True] * RETRIES)

    def fail(**kwargs: Any) -> None:
        if next(failures, False):
            raise OperationalError("the database is away for a moment")

    run(engine, time, 5)
    post_save.connect(fail, sender=ModelDecision)
    try:
        for _ in range(40):
            time.now += timedelta(seconds=0.25)
            with suppress(Unavailable):
                engine.step(time.now)
    finally:
        post_save.disconnect(fail, sender=ModelDecision)
    assert next(failures, None) is None
    numbers = sorted(
        int(name.rsplit(":", 1)[1]) for name in ModelDecision.objects.values_list("client_decision_id", flat=True)
    )
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_an_engine_that_was_deposed_stops_in_peace(make_engine: MakeEngine, time: Time, settings: Any) -> None:
    settings.HYPERORU_MARKET = "replay"
    first, second = make_engine(), make_engine()
    first.step(time.now)
    time.now += timedelta(seconds=5)
    second.step(time.now)
    first.stop()
    assert second.leads
    assert not first.leads


def test_equity_is_written_in_slices(make_engine: MakeEngine, time: Time, settings: Any) -> None:
    settings.HYPERORU_BATCH_SIZE = 2
    accounts = [an_account() for _ in range(5)]
    engine = make_engine()
    counts = []
    for _ in range(3):
        time.now += timedelta(seconds=0.25)
        engine.step(time.now)
        counts.append(EquityPoint.objects.count())
    assert counts == [2, 4, 5]
    assert set(EquityPoint.objects.values_list("account_id", flat=True)) == {account.pk for account in accounts}


def test_a_batch_of_the_engine_asks_for_the_lease_once(
    make_engine: MakeEngine, time: Time, django_assert_max_num_queries: Any
) -> None:
    accounts = [an_account() for _ in range(20)]
    engine = make_engine()
    engine.step(time.now)
    requests = [Request(account.pk, RecordEquity(), fence=engine.lease) for account in accounts]
    with django_assert_max_num_queries(20):
        engine.desk.execute(requests)


def test_a_symbol_that_is_no_longer_traded_stops_nothing(make_engine: MakeEngine, time: Time, settings: Any) -> None:
    settings.HYPERORU_MARKET = "replay"
    both = {**MODEL, "symbols": ["BTC", "ETH"]}
    an_account(model="rsi_support_resistance", model_settings=both)
    engine = make_engine()
    run(engine, time, 5)
    last = engine.desk.board.quotes["BTC"].mark
    Instrument.objects.filter(pk="ETH").update(listed=False)
    engine.stop()
    again = make_engine()
    again.step(time.now)
    assert again.desk.board.quotes["BTC"].mark == last
    run(again, time, 10)
    assert ModelDecision.objects.filter(instrument="BTC", created_at__gt=time.now - timedelta(seconds=9)).exists()


def test_an_instrument_that_can_not_be_used_stops_no_other(make_engine: MakeEngine, time: Time) -> None:
    account = an_account()
    Instrument.objects.filter(pk="ETH").update(margin_tiers=[["x"]])
    engine = make_engine()
    put(time, "68500")
    run(engine, time, 0.25)
    [answer] = engine.desk.execute([Request(account.pk, an_order("0.01"))])
    assert isinstance(answer, Done)
    [answer] = engine.desk.execute([Request(account.pk, an_order("0.01", symbol="ETH"))])
    assert isinstance(answer, Rejection)
    assert answer.code == "unknown_symbol"


def test_who_lacks_margin_is_liquidated_at_the_tick_that_takes_it(
    make_engine: MakeEngine, time: Time, settings: Any
) -> None:
    settings.HYPERORU_MARKET = "manual"
    engine, account = make_engine(), an_account(capital="6027")
    put = lambda mark: store([Quote("BTC", Decimal(mark), time.now, None, a_deep_book(mark), expires=False)])  # noqa: E731
    put("60000")
    run(engine, time, 0.25)
    engine.desk.execute([Request(account.pk, an_order("1", leverage=10))])
    put("54700")
    run(engine, time, 0.25)
    assert not Trade.objects.filter(liquidation=True).exists()
    put("54600")
    run(engine, time, 0.25)
    [trade] = Trade.objects.filter(liquidation=True)
    assert (trade.account_id, trade.size, trade.price) == (account.pk, 1, 54600)
    run(engine, time, 1)
    assert Trade.objects.filter(liquidation=True).count() == 1


def a_deep_book(mark: str) -> Book:
    return Book(levels_from([[mark, "100"]]), levels_from([[mark, "100"]]))


def test_an_account_that_fails_keeps_no_other_from_being_served(make_engine: MakeEngine, time: Time) -> None:
    """A fault that one account runs into, in the code or in its rows, must not stop the market for all."""
    engine = make_engine()
    put(time, "67000")
    engine.step(time.now)
    bad, good = (an_account(capital="6800") for _ in range(2))
    for account in (bad, good):
        [answer] = engine.desk.execute([Request(account.pk, an_order("1", leverage=10))])
        assert isinstance(answer, Done), answer

    def fail(instance: Position) -> None:
        if instance.account_id == bad.pk:
            raise RuntimeError("a fault")

    with on_save(Position, fail):
        for _ in range(3):
            put(time, "60000")
            engine.step(time.now)
            assert engine.leads
    assert Position.objects.get(account=good).size == 0
    assert Position.objects.get(account=bad).size == 1
    time.now += timedelta(seconds=1)
    engine.step(time.now)
    assert Position.objects.get(account=bad).size == 0
