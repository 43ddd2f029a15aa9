"""An account with a language model, what it is shown, and what becomes of its answer in a real database."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import Account
from tests.builders import an_account, execute, set_price
from tests.llm.endpoint import Behaviour, ChatServer
from trading.agents import AgentView, make_asker
from trading.agents.asking import AccountView, Asked
from trading.desk import Done
from trading.domain.enums import RunStatus, RunTrigger
from trading.domain.instruments import Instrument, MarginTier
from trading.domain.market import Bar
from trading.models import ModelDecision, ModelRun, Order

D = Decimal
KEY = "sk-loopback-0123456789abcdef"
MARKS = {"BTC": D(67000), "ETH": D(3000)}
INSTRUMENTS = {
    "BTC": Instrument("BTC", 5, (MarginTier(D(0), 40),)),
    "ETH": Instrument("ETH", 4, (MarginTier(D(0), 25),)),
}
QUICK = {"connect_s": "5", "read_s": "10", "total_s": "20", "backoff_s": "0.01"}
PRICES = {"prompt_price": "2.5", "completion_price": "10"}


def entry(symbol: str = "BTC", action: str = "buy", **values: Any) -> dict[str, Any]:
    """A decision as a model should write it."""
    trade = {"notional": "1340", "leverage": 5, "stop_loss": "66000", "take_profit": "69000"}
    rest = {"notional": None, "leverage": None, "stop_loss": None, "take_profit": None}
    if symbol == "ETH":
        trade |= {"stop_loss": "2900", "take_profit": "3200"}
    body = trade if action in ("buy", "sell") else rest
    return {"symbol": symbol, "action": action, **body, "confidence": "0.7", "reasoning": "Support held.", **values}


def reply(*entries: Any) -> dict[str, Any]:
    return {"decisions": list(entries)}


def bars(symbol: str, count: int = 3) -> tuple[Bar, ...]:
    mark, minute = MARKS[symbol], timedelta(minutes=1)
    began = timezone.now().replace(second=0, microsecond=0) - count * minute
    return tuple(
        Bar(symbol, number, began + number * minute, mark, mark + 2, mark - 1, mark + number, D("1.5"))
        for number in range(count)
    )


def a_market(symbol: str, **values: Any) -> AgentView:
    return AgentView(symbol, INSTRUMENTS[symbol], bars(symbol), MARKS[symbol], D(10_000), **values)


def a_view(account: Account, *symbols: str, run: ModelRun | None = None, **values: Any) -> AccountView:
    markets = {symbol: a_market(symbol) for symbol in symbols or ("BTC",)}
    view = AccountView(
        account_id=account.pk,
        at=timezone.now(),
        trigger=RunTrigger.INTERVAL,
        equity=D("10000.1234567"),
        cash=D(10_000),
        withdrawable=D("9000"),
        margin_used=D(0),
        daily_pnl=D("-12.5"),
        symbols=markets,
        run_id=run.pk if run else None,
    )
    return replace(view, **values)


def a_run(account: Account) -> ModelRun:
    now = timezone.now()
    return ModelRun.objects.create(
        account=account,
        model="llm",
        trigger=RunTrigger.INTERVAL,
        status=RunStatus.RUNNING,
        started_at=now,
        expires_at=now,
    )


def prices() -> None:
    set_price("BTC", "67000", bids=[["66990", "100"]], asks=[["67010", "100"]])
    set_price("ETH", "3000", bids=[["2999", "1000"]], asks=[["3001", "1000"]])


@dataclass(frozen=True)
class Decided:
    """What came of one run: the answer, and the rows of it."""

    account: Account
    view: AccountView
    asked: Asked
    rows: list[ModelDecision]

    @property
    def row(self) -> ModelDecision:
        [row] = self.rows
        return row

    @property
    def orders(self) -> list[Order]:
        return list(Order.objects.filter(account=self.account).order_by("pk"))


def decided(
    server: ChatServer, *behaviours: Behaviour, symbols: tuple[str, ...] = ("BTC",), **settings: Any
) -> Decided:
    """Ask a model that the server is, and let the desk carry out what it says."""
    prices()
    server.will(*behaviours)
    account = an_account()
    run = a_run(account)
    view = a_view(account, *symbols, run=run)
    asker = make_asker("llm", {"symbols": list(symbols), **PRICES, **QUICK, **settings})
    asked = asker.ask(view)
    answers = execute(account, *asked.decisions)
    assert all(isinstance(answer, Done) for answer in answers), answers
    rows = list(ModelDecision.objects.filter(account=account).order_by("pk"))
    assert [row.instrument_id for row in rows] == list(symbols)
    assert {(row.run_id, row.decided_at, row.model) for row in rows} == {(run.pk, view.at, "llm")}
    assert [row.mark for row in rows] == [MARKS[symbol] for symbol in symbols]
    return Decided(account, view, asked, rows)
