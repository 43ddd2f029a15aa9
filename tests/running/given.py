"""A model that is asked, and engines that ask it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from accounts.models import Account
from tests.builders import an_account
from trading.agents.askers import register_asker
from trading.agents.asking import AccountView, Asked
from trading.agents.settings import SettingsError
from trading.desk import Desk
from trading.domain.commands import PlaceOrder, SubmitDecision
from trading.domain.enums import Action, Side
from trading.domain.market import Quote
from trading.engine import Engine
from trading.market.board import Board
from trading.models import ModelSchedule
from trading.prices import store

START = datetime(2026, 4, 9, 12, tzinfo=UTC)
NAME = "scripted"
PATIENCE_S = 20.0


class Scripted:
    """Does as its settings say: buys so many units of BTC (0: holds), or fails; may wait for `gate` or a file.

    `seen` are the views of all of them.
    """

    name = NAME
    symbols = ("BTC",)
    bars_needed = 5
    gate = threading.Event()
    entered = threading.Event()
    seen: list[AccountView] = []

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        if "wrong" in settings:
            raise SettingsError("There is no setting 'wrong'.")

    def most_cost(self, view: AccountView) -> Decimal:
        if self.settings.get("fails") == "most_cost":
            raise RuntimeError("no idea of what it costs")
        return Decimal(self.settings.get("most_cost", "0"))

    def ask(self, view: AccountView) -> Asked:
        self.seen.append(view)
        self.entered.set()
        if self.settings.get("waits"):
            self.gate.wait(PATIENCE_S)
        while not Path(self.settings.get("waits_for", "/")).exists():
            threading.Event().wait(0.02)
        if self.settings.get("fails") == "ask":
            raise RuntimeError("the model \0 fell over")
        size = Decimal(self.settings.get("size", "0"))
        order = PlaceOrder("BTC", Side.BUY, size) if size else None
        decision = SubmitDecision(
            model=self.name,
            symbol=self.settings.get("symbol", "BTC"),
            action=Action.BUY if size else Action.HOLD,
            reasoning="Because the test says so.",
            order=order,
        )
        return Asked(
            (decision,),
            endpoint="http://127.0.0.1/v1",
            llm="small",
            template="v1",
            prompt="What now?",
            prompt_hash="ab" * 32,
            raw_reply='{"size": "0.01"}\0',
            prompt_tokens=100,
            completion_tokens=20,
            attempts=1,
            cost=Decimal(self.settings.get("cost", "0")),
        )

    @classmethod
    def reset(cls) -> None:
        cls.gate, cls.entered, cls.seen = threading.Event(), threading.Event(), []


def registered() -> None:
    Scripted.reset()
    register_asker(NAME, Scripted)


def scheduled(account: Account | None = None, settings: Mapping[str, Any] | None = None, **values: Any) -> Account:
    """Return an account whose model is asked as `values` of its schedule say; every minute without any."""
    account = account or an_account(model=NAME, model_settings=dict(settings or {}))
    ModelSchedule.objects.create(account=account, **(values or {"every_s": 60}))
    return account


class World:
    """Engines on one database, each with a desk and a board of its own, and the clock that all see."""

    def __init__(self, number: int = 1) -> None:
        self.now = START
        self.desks = [Desk(Board(), lambda: self.now) for _ in range(number)]
        self.engines = [Engine(desk, lambda: self.now) for desk in self.desks]

    @property
    def engine(self) -> Engine:
        return self.engines[0]

    def put(self, mark: str) -> None:
        store([Quote("BTC", Decimal(mark), self.now, Decimal(mark), None, expires=False)])

    def step(self, seconds: float = 1.0, engine: Engine | None = None, *, settled: bool = True) -> None:
        """Step an engine a moment later; wait for the runs that it began, unless they are to go on."""
        engine = engine or self.engine
        self.now += timedelta(seconds=seconds)
        engine.step(self.now)
        if settled:
            assert engine.runner.wait(PATIENCE_S)

    def close(self) -> None:
        Scripted.gate.set()
        for engine in self.engines:
            assert engine.runner.wait(PATIENCE_S)
        for desk in self.desks:
            desk.close()


@contextmanager
def a_world(number: int = 1) -> Iterator[World]:
    registered()
    world = World(number)
    world.put("68500")
    try:
        yield world
    finally:
        world.close()


def until(condition: Callable[[], bool], step: Callable[[], None]) -> None:
    """Step until something is so."""
    for _ in range(1_000):
        if condition():
            return
        step()
    raise AssertionError("it never was so")
