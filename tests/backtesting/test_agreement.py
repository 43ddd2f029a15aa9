"""A backtest is what the server does: the same bars through engine, desk and database give the same, to the cent."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, LedgerEntry
from accounts.services import open_account
from tests.backtesting.given import INSTRUMENTS, LIVELY, shipped
from tests.builders import a_user
from trading.agents import make_agent
from trading.backtesting.play import Run, play
from trading.backtesting.venue import Terms
from trading.domain.enums import LedgerKind, OrderStatus
from trading.domain.limits import RiskLimits
from trading.domain.market import Bar
from trading.models import ModelDecision, Order, Position, Trade
from trading.models import RiskLimits as LimitsRow
from trading.replaying import Replay

pytestmark = pytest.mark.django_db(transaction=True)
CAPITAL = Decimal(10_000)
UNLIMITED = RiskLimits(*[None] * 9, require_stop=False, min_reward_risk=None)
Series = Mapping[str, Sequence[Bar]]


def replayed(series: Series, models: Mapping[str, Mapping[str, Any]], *, unlimited: bool = False) -> dict[str, Account]:
    """Let an account for each of the models trade the bars through the real engine; return the accounts."""
    replay = Replay(series)
    try:
        replay.begin()
        owner = a_user()
        accounts = {
            name: open_account(
                owner=owner,
                name=name,
                starting_capital=CAPITAL,
                now=replay.start,
                model=name,
                model_settings={**settings},
            )
            for name, settings in models.items()
        }
        if unlimited:
            LimitsRow.objects.bulk_create(LimitsRow(account=account) for account in accounts.values())
        for _ in replay.moments():
            pass
    finally:
        replay.close()
    for account in accounts.values():
        account.refresh_from_db()
    return accounts


def fills_of(account: Account) -> list[tuple[Any, ...]]:
    names = ("executed_at", "instrument_id", "side", "price", "size", "fee", "pnl", "start_position", "liquidity")
    return list(Trade.objects.filter(account=account).order_by("id").values_list(*names, "liquidation"))


def fills_in(run: Run) -> list[tuple[Any, ...]]:
    return [
        (f.at, f.symbol, f.side, f.price, f.size, f.fee, f.pnl, f.start_position, f.liquidity, f.liquidation)
        for f in run.tally.fills
    ]


def assert_agrees(account: Account, run: Run) -> None:
    assert fills_in(run) == fills_of(account)
    last = run.held[-1]
    assert last.cash == account.cash
    rows = Position.objects.filter(account=account, size__gt=0)
    assert dict(last.positions) == {
        row.instrument_id: (p.signed_size, p.entry_notional * p.side.sign) for row in rows for p in [row.to_domain()]
    }
    paid = LedgerEntry.objects.filter(account=account, kind=LedgerKind.FUNDING)
    assert run.tally.funding == sum(paid.values_list("amount", flat=True), Decimal(0))
    assert run.tally.orders == Order.objects.filter(account=account).count()
    told = ModelDecision.objects.filter(account=account)
    assert run.tally.decisions == told.count()
    assert run.tally.refused == told.filter(status="refused").count()


@pytest.fixture(scope="module")
def series() -> Series:
    return shipped(300)


def test_every_rule_trades_as_it_does_on_the_server(series: Series) -> None:
    accounts = replayed(series, LIVELY)
    terms = Terms(INSTRUMENTS)
    for name, settings in LIVELY.items():
        run = play(make_agent(name, settings), series, terms, CAPITAL)
        assert_agrees(accounts[name], run)
    stopped = Order.objects.filter(order_type__startswith="stop", status=OrderStatus.FILLED)
    assert stopped.exists(), "stops are among what was compared"
    assert Order.objects.filter(order_type__startswith="take_profit", status=OrderStatus.FILLED).exists()
    assert all(Trade.objects.filter(account=account).exists() for account in accounts.values())


RECKLESS = {
    "symbols": ["BTC", "ETH"], "leverage": 40, "risk_pct": 100, "stop_atr": 90, "target_atr": 90, "enter_pct": 40,
    "leave_pct": 0, "seed": 1,
}  # fmt: skip


def test_two_markets_funding_and_liquidations_agree_too() -> None:
    series = shipped(270, "BTC", "ETH")  # not to a full hour: the engine settles its markets in steps of their own
    models: dict[str, dict[str, Any]] = {
        "random": RECKLESS,
        "donchian_breakout": {**LIVELY["donchian_breakout"], "symbols": ["ETH", "BTC"]},
        "buy_and_hold": {"symbols": ["BTC", "ETH"], "leverage": 2},
    }
    accounts = replayed(series, models, unlimited=True)
    for name, settings in models.items():
        run = play(make_agent(name, settings), series, Terms(INSTRUMENTS, limits=UNLIMITED), CAPITAL)
        assert_agrees(accounts[name], run)
        if name == "buy_and_hold":
            assert run.tally.funding, "funding is among what was compared"
    assert Trade.objects.filter(liquidation=True, account=accounts["random"]).exists()
