"""A preview reads as the desk does, says what the desk then does, and leaves nothing behind."""

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import Account, Role, User
from tests.builders import a_token, a_user, access, an_account, an_order, done, execute, set_price, token_row
from tests.desk.given import everything, queries
from trading.authority import Actor
from trading.desk import Request, desk
from trading.domain.commands import Bracket, PlaceOrder, SubmitDecision
from trading.domain.enums import Action, OrderType, Side
from trading.domain.errors import Rejection
from trading.market.board import board
from trading.models import DailyVolume, Instrument, RiskLimits, Trade
from trading.previewing import Preview, preview
from trading.prices import market_now
from trading.selectors import account_snapshot

pytestmark = pytest.mark.django_db(transaction=True)
ASKS = [["68500", "1"], ["68600", "2"]]
BIDS = [["68490", "1"], ["68400", "2"]]


def actor(user: User, scope: str = "trade") -> Actor:
    token = token_row(a_token(user, scope=scope, lifetime=None))
    return Actor(token.pk, user.pk, user.pk)


def previewed(account: Account, order: PlaceOrder, by: Actor | None = None) -> Preview:
    return preview(account.pk, order, by or actor(account.owner))


def refusal(account: Account, order: PlaceOrder, by: Actor | None = None) -> Rejection:
    with pytest.raises(Rejection) as caught:
        previewed(account, order, by)
    return caught.value


def a_crowded_account() -> Account:
    """Return an account that holds, rests and protects, in a market with a real book and one without."""
    account = an_account(capital="100000")
    set_price("BTC", "68490", BIDS, ASKS)
    set_price("ETH", "3000")
    done(account, an_order("0.5", leverage=5))
    done(account, an_order("4", "sell", symbol="ETH", leverage=8))
    done(account, an_order("0.2", "buy", "67000"))
    done(account, an_order("0.1", "sell", "70000", reduce_only=True))
    return account


ORDERS = {
    "a market order": an_order("0.3"),
    "one that walks": an_order("2.1", leverage=30),
    "one that closes": an_order("0.5", "sell"),
    "one that flips": an_order("1.3", "sell"),
    "one that reduces": an_order("9", "sell", reduce_only=True),
    "one that rests": an_order("0.7", "buy", "66000"),
    "one that fills in part": an_order("1.4", "buy", "68500"),
    "another leverage": an_order("0.1", "buy", leverage=20),
    "an assumed book": an_order("3", "buy", symbol="ETH"),
    "a trigger": an_order("0.2", "sell", order_type=OrderType.STOP_MARKET, trigger_price=Decimal(66000)),
    "brackets": an_order("0.1", "buy", "68000", stop_loss=Bracket(Decimal(67000))),
}


@pytest.mark.parametrize("name", ORDERS)
def test_it_is_what_the_desk_then_does(name: str) -> None:
    account, order = a_crowded_account(), ORDERS[name]
    DailyVolume.objects.create(
        account=account, day=timezone.now().date() - timedelta(days=2), taker=Decimal(30_000_000), maker=Decimal(0)
    )
    told = previewed(account, order)
    assert told.outcome is not None
    placed = done(account, order).orders[0]
    account.refresh_from_db()
    snapshot = account_snapshot(account, market_now(board), timezone.now())
    held = {view.position.symbol: view.liquidation_price for view in snapshot.positions}
    would = told.outcome
    assert (would.filled_size, would.average_price) == (placed.filled_size, placed.average_price)
    assert would.liquidation_price == held.get(order.symbol)
    assert would.withdrawable_after == snapshot.withdrawable
    trades = list(Trade.objects.filter(order=placed.ref))
    if not would.resting_size:
        assert would.fee == sum(trade.fee for trade in trades)
    assert told.fee_rate in ((Decimal("0.00035"),) if trades else (Decimal("0.00008"), Decimal("0.00035")))
    assert told.leverage == placed.leverage


def test_nothing_is_written_and_nothing_taken(settings: Any) -> None:
    settings.HYPERORU_ASSUMED_REFILL_S = 1_000_000
    account = a_crowded_account()
    owner, at = actor(account.owner), timezone.now()

    def left() -> Any:
        market = market_now(board, at)
        return market.books, market.lacking, market.prints

    before, books = everything(), left()
    assert books[0]["BTC"] != board.quotes["BTC"].book
    assert books[1]["ETH", Side.SELL] > 0
    for order in ORDERS.values():
        previewed(account, order, owner)
        previewed(account, replace(order, size=None, reduce_only=False), owner)
        refusal(account, replace(order, leverage=99), owner)
    assert everything() == before
    assert left() == books


def test_it_takes_no_turn_of_the_orders(settings: Any) -> None:
    settings.HYPERORU_ORDERS_PER_S, settings.HYPERORU_ORDERS_BURST = 0.001, 1
    set_price()
    account = an_account()
    owner = actor(account.owner)
    first = previewed(account, an_order(), owner)
    assert all(previewed(account, an_order(), owner) == first for _ in range(5))
    answers = [desk.execute([Request(account.pk, an_order(), owner)])[0] for _ in range(2)]
    assert [getattr(answer, "code", None) for answer in answers] == [None, "rate_limited"]
    assert previewed(account, an_order(), owner).mark_price == first.mark_price


def test_it_asks_as_little_whatever_the_account_holds() -> None:
    bare, crowded = an_account(), a_crowded_account()
    asked = []
    for account in (bare, crowded):
        owner = actor(account.owner)
        previewed(account, an_order("0.001"), owner)
        asked.append(queries(lambda account=account, owner=owner: previewed(account, an_order("0.001"), owner)))
    assert asked[0] == asked[1]


def test_it_waits_for_nobody_who_trades() -> None:
    account = a_crowded_account()
    owner = actor(account.owner)
    is_locked, may_end = threading.Event(), threading.Event()

    def trade() -> None:
        try:
            with transaction.atomic():
                Account.objects.select_for_update().get(pk=account.pk)
                is_locked.set()
                assert may_end.wait(30)
        finally:
            connections.close_all()

    trading = threading.Thread(target=trade)
    trading.start()
    try:
        assert is_locked.wait(30)
        assert previewed(account, an_order("0.001"), owner).outcome is not None
        assert trading.is_alive()
    finally:
        may_end.set()
        trading.join()


def test_who_may_not_place_it_may_not_look() -> None:
    set_price()
    account, viewer, trader = an_account(), a_user(), a_user()
    access(account, viewer, Role.VIEWER)
    access(account, trader, Role.TRADER)
    assert refusal(account, an_order(), actor(viewer)).code == "forbidden"
    assert refusal(account, an_order(), actor(account.owner, "read")).code == "forbidden"
    assert refusal(account, an_order(), actor(a_user())).code == "not_found"
    assert refusal(account, an_order(), Actor(0, account.owner_id, account.owner_id)).code == "session_expired"
    assert previewed(account, an_order(), actor(trader)).outcome == previewed(account, an_order()).outcome


def test_refusals_are_those_of_the_desk() -> None:
    account = a_crowded_account()
    for order in (
        an_order(symbol="DOGE"),
        an_order("0.000001"),
        an_order("100", "buy", "67000"),
        an_order("0.1", "buy", "68499.55"),
        an_order("0.0001"),
        an_order("0.1", "buy", reduce_only=True),
        an_order("0.1", decision_id=987),
    ):
        [error] = execute(account, order)
        assert isinstance(error, Rejection)
        found = refusal(account, order)
        assert (found.code, found.message, found.reason, found.fields) == (
            error.code, error.message, error.reason, error.fields,
        )  # fmt: skip
    account.status = "frozen"
    account.save()
    assert refusal(account, an_order()).code == "account_frozen"
    assert refusal(account, replace(an_order(), size=None)).code == "account_frozen"
    assert refusal(an_account(), an_order(symbol="SOL")).code == "unknown_symbol"


def test_a_market_without_prices_is_unavailable() -> None:
    account = an_account()
    assert refusal(account, an_order()).code == "market_unavailable"
    assert refusal(account, replace(an_order(), size=None)).code == "market_unavailable"


def test_orders_of_decisions_are_held_to_the_risk_limits() -> None:
    set_price()
    account = an_account()
    RiskLimits.objects.create(account=account, symbol_exposure=Decimal(2))
    decision = done(account, SubmitDecision("m", "BTC", Action.BUY, "because")).decision_id
    plain, gated = (previewed(account, replace(an_order(), size=None, decision_id=each)) for each in (None, decision))
    assert gated.max_size < plain.max_size / 4
    order = an_order(decision_id=decision)
    assert refusal(account, replace(order, size=gated.max_size + Decimal("0.00001"))).reason == "risk_symbol_exposure"
    assert previewed(account, replace(order, size=gated.max_size)).max_size == gated.max_size


def test_a_client_id_that_was_used_names_no_order() -> None:
    set_price()
    account = an_account()
    done(account, an_order(client_order_id="mine"))
    told = previewed(account, an_order("0.02", client_order_id="mine"))
    assert told.outcome is not None
    assert told.outcome.filled_size == Decimal("0.02")


def test_a_position_that_is_no_longer_listed_counts_as_in_the_snapshot() -> None:
    account = a_crowded_account()
    Instrument.objects.filter(symbol="ETH").update(listed=False)
    told = previewed(account, an_order("0.1"))
    done(account, an_order("0.1"))
    account.refresh_from_db()
    snapshot = account_snapshot(account, market_now(board), timezone.now())
    [price] = [view.liquidation_price for view in snapshot.positions if view.position.symbol == "BTC"]
    assert told.outcome is not None
    assert told.outcome.liquidation_price == price
