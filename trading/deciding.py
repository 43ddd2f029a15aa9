"""Letting the models decide: each account's model looks at each bar that closed in its symbols."""

import json
import logging
from collections.abc import Iterable

from accounts.models import Account, Status
from trading.agents.base import Agent, AgentView, to_command
from trading.agents.registry import make_agent
from trading.agents.settings import SettingsError
from trading.desk import Request
from trading.domain.equity import Day
from trading.domain.market import Bar, Market
from trading.domain.money import ZERO
from trading.domain.state import AccountState
from trading.market.feeds import Feed
from trading.models import Position
from trading.rows import Select, made

logger = logging.getLogger(__name__)
KEPT_BARS = 2_000
ACCOUNT = tuple(field.attname for field in Account._meta.concrete_fields)
POSITION = tuple(field.attname for field in Position._meta.concrete_fields)
_with_model = Select(Account, *ACCOUNT, where=f"status = '{Status.ACTIVE}' AND model <> '' ORDER BY id")
_held = Select(Position, *POSITION, where="account_id {numbers} AND size > 0")


class Deciders:
    """The models of all accounts, and the bars that they look at."""

    def __init__(self, feed: Feed) -> None:
        self._bars = {symbol: list(feed.history(symbol)) for symbol in feed.symbols}
        self._agents: dict[tuple[int, str, str], Agent | None] = {}

    def on_bars(self, bars: Iterable[Bar], market: Market) -> list[Request]:
        """Take bars that closed and return what the models decided about them, for the desk to carry out.

        A model that fails, whatever it fails on, is logged and keeps no other from deciding.
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
            except Exception:
                logger.exception("The model %s failed on account %s", account.model, account.pk)
        return requests

    def _keep(self, bar: Bar) -> None:
        kept = self._bars.setdefault(bar.symbol, [])
        kept.append(bar)
        if len(kept) >= 2 * KEPT_BARS:
            del kept[:-KEPT_BARS]

    def _ask(self, account: Account, state: AccountState, closed: Iterable[Bar], market: Market) -> list[Request]:
        agent = self._agent(account)
        if agent is None:
            return []
        requests: list[Request] = []
        for bar in closed:
            if bar.symbol in agent.symbols:
                view = self._view(agent, state, bar, market)
                verdict = agent.decide(view)
                if verdict is not None:
                    requests.append(Request(account.pk, to_command(agent.name, view, verdict)))
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

    def _agent(self, account: Account) -> Agent | None:
        """Return the account's model, made once for each set of settings; None where they can't be used."""
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
        return self._agents[key]


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
