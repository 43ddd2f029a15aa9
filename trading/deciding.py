"""Letting the models decide: each account's model looks at each bar that closed in its symbols."""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from accounts.models import Account, Status
from trading.agents.askers import known_askers
from trading.agents.base import Agent, AgentView, to_command
from trading.agents.registry import known_agents, make_agent
from trading.agents.settings import SettingsError
from trading.desk import Fence, Request
from trading.domain.commands import SubmitDecision
from trading.domain.enums import RunTrigger
from trading.domain.equity import Day
from trading.domain.market import Bar, Market
from trading.domain.money import ZERO
from trading.domain.state import AccountState
from trading.market.feeds import Feed
from trading.models import ModelPause, ModelSchedule, Position
from trading.rows import Select, made
from trading.running.claims import Due, record_failure
from trading.running.fences import ModelFence

logger = logging.getLogger(__name__)
KEPT_BARS = 2_000
FAILURE_AGAIN = timedelta(hours=1)
ACCOUNT = tuple(field.attname for field in Account._meta.concrete_fields)
POSITION = tuple(field.attname for field in Position._meta.concrete_fields)
SCHEDULES, PAUSES = ModelSchedule._meta.db_table, ModelPause._meta.db_table
MAY_DECIDE = (
    f"status = '{Status.ACTIVE}' AND model <> '' AND NOT EXISTS (SELECT 1 FROM {PAUSES})"  # noqa: S608
    f" AND NOT EXISTS (SELECT 1 FROM {SCHEDULES} s WHERE s.account_id = found.id AND s.paused)"
)
_with_model = Select(Account, *ACCOUNT, where=f"{MAY_DECIDE} ORDER BY id")
_one_with_model = Select(Account, *ACCOUNT, where=f"{MAY_DECIDE} AND id = %s")
_held = Select(Position, *POSITION, where="account_id {numbers} AND size > 0")


class Deciders:
    """The models of all accounts that are rules, and the bars that they look at.

    `fence` goes with what they decide: it is refused where the model was paused meanwhile, or another engine leads.
    """

    def __init__(self, feed: Feed, fence: ModelFence) -> None:
        self._bars = {symbol: list(feed.history(symbol)) for symbol in feed.symbols}
        self._agents: dict[tuple[int, str, str], Agent | None] = {}
        self._fence = fence
        self._failed: dict[int, tuple[str, datetime]] = {}
        """By account: what its model failed on when that was written down last."""

    def bars(self, symbol: str, count: int) -> Sequence[Bar]:
        """Return the last closed bars of a symbol, oldest first, at most `count`. From any thread."""
        return tuple(self._bars.get(symbol, ())[-count:]) if count > 0 else ()

    def by_hand(self, account_id: int, run_id: int, market: Market, fence: Fence) -> list[Request]:
        """Return what an account's model decides about the last closed bars. Raises whatever it fails on.

        A bar that it has decided on already it does not decide on again: the decision has the same id.
        """
        found = [made(Account, dict(zip(ACCOUNT, row, strict=True))) for row in _one_with_model(account_id)]
        if not found:
            return []
        agent = self._agent(found[0], market)
        if agent is None:
            raise SettingsError("Its settings can't be used; see the run that failed on them.")
        last = [self._bars[symbol][-1] for symbol in agent.symbols if self._bars.get(symbol)]
        closed = [bar for bar in last if bar.symbol in market.instruments and bar.symbol in market.quotes]
        decided = self._ask(found[0], _states(found)[account_id], closed, market)
        return [
            Request(account_id, replace(each.command, run_id=run_id), fence=fence)
            for each in decided
            if isinstance(each.command, SubmitDecision)
        ]

    def on_bars(self, bars: Iterable[Bar], market: Market) -> list[Request]:
        """Take bars that closed and return what the models decided about them, for the desk to carry out.

        A model that fails, whatever it fails on, is logged, has that on a run, and keeps no other from deciding.
        """
        closed = [bar for bar in bars if bar.symbol in market.instruments and bar.symbol in market.quotes]
        for bar in closed:
            self._keep(bar)
        accounts = [made(Account, dict(zip(ACCOUNT, row, strict=True))) for row in _with_model()]
        if not accounts or not closed:
            return []
        states = _states(accounts)
        requests: list[Request] = []
        for account in accounts:
            try:
                requests += self._ask(account, states[account.pk], closed, market)
            except Exception as error:
                logger.exception("The model %s failed on account %s", account.model, account.pk)
                self._write_down(account, f"{type(error).__name__}: {error}", market)
        return requests

    def _keep(self, bar: Bar) -> None:
        kept = self._bars.setdefault(bar.symbol, [])
        kept.append(bar)
        if len(kept) >= 2 * KEPT_BARS:
            del kept[:-KEPT_BARS]

    def _ask(self, account: Account, state: AccountState, closed: Iterable[Bar], market: Market) -> list[Request]:
        agent = self._agent(account, market)
        if agent is None:
            return []
        requests: list[Request] = []
        for bar in closed:
            if bar.symbol in agent.symbols:
                view = self._view(agent, state, bar, market)
                verdict = agent.decide(view)
                if verdict is not None:
                    requests.append(Request(account.pk, to_command(agent.name, view, verdict), fence=self._fence))
        return requests

    def _view(self, agent: Agent, state: AccountState, bar: Bar, market: Market) -> AgentView:
        position = state.positions.get(bar.symbol)
        return AgentView(
            symbol=bar.symbol,
            instrument=market.instrument(bar.symbol),
            bars=self._bars[bar.symbol][-agent.bars_needed :],
            mark=market.quotes[bar.symbol].mark,
            equity=state.equity(market),
            position_size=position.signed_size if position else ZERO,
            entry_price=position.entry_price if position else None,
        )

    def _agent(self, account: Account, market: Market) -> Agent | None:
        """Return the account's model, made once for each set of settings; None where they can't be used.

        None, too, for a model that is asked, which is the runner's.
        """
        if account.model in known_askers():
            return None
        key = (account.pk, account.model, json.dumps(account.model_settings, sort_keys=True))
        if key not in self._agents:
            try:
                agent = make_agent(account.model, account.model_settings)
                if agent.bars_needed > KEPT_BARS:
                    raise SettingsError(f"It needs {agent.bars_needed} bars; at most {KEPT_BARS} are kept.")
                self._agents[key] = agent
            except SettingsError as error:
                logger.error("The model of account %s can't be run: %s", account.pk, error)
                self._agents[key] = None
                if account.model in known_agents():  # else it may be one that trades from outside
                    self._write_down(account, f"It can't be run: {error}", market)
        return self._agents[key]

    def _write_down(self, account: Account, error: str, market: Market) -> None:
        """Store what a model failed on as a run: once an hour, as long as it is the same."""
        now = market.at
        known, at = self._failed.get(account.pk, ("", None))
        if now is None or (known == error and at is not None and at <= now < at + FAILURE_AGAIN):
            return
        self._failed[account.pk] = error, now
        record_failure(Due(account.pk, account.model, RunTrigger.BAR), self._fence, now, error)


def _states(accounts: Iterable[Account]) -> dict[int, AccountState]:
    """Return what the models see of their accounts: cash and open positions, one query."""
    rows = {account.pk: account for account in accounts}
    positions: dict[int, dict[str, object]] = {pk: {} for pk in rows}
    for values in _held(list(rows)):
        row = made(Position, dict(zip(POSITION, values, strict=True)))
        positions[row.account_id][row.instrument_id] = row.to_domain()
    return {
        pk: AccountState(
            id=pk,
            cash=row.cash,
            day=Day(row.day, row.day_open_equity, row.day_net_deposits, row.last_equity),
            positions=positions[pk],  # type: ignore[arg-type]
        )
        for pk, row in rows.items()
    }
