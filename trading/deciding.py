"""Letting the models decide: each account's model looks at each bar that closed in its symbols."""

import json
import logging
from collections import deque
from collections.abc import Iterable

from django.db.models import F

from accounts.models import Account, Status
from trading.agents.base import Agent, AgentView, to_command
from trading.agents.registry import make_agent
from trading.agents.settings import SettingsError
from trading.desk import Request
from trading.domain.equity import Day
from trading.domain.market import Bar, Market
from trading.domain.state import AccountState
from trading.market.feeds import Feed
from trading.models import Position

logger = logging.getLogger(__name__)
KEPT_BARS = 500


class Deciders:
    """The models of all accounts, and the bars that they look at."""

    def __init__(self, feed: Feed) -> None:
        self._bars = {symbol: deque(feed.history(symbol), maxlen=KEPT_BARS) for symbol in feed.symbols}
        self._agents: dict[tuple[int, str, str], Agent | None] = {}

    def on_bars(self, bars: Iterable[Bar], market: Market) -> list[Request]:
        """Take bars that closed and return what the models decided about them, for the desk to carry out."""
        closed = list(bars)
        for bar in closed:
            self._bars.setdefault(bar.symbol, deque(maxlen=KEPT_BARS)).append(bar)
        accounts = list(Account.objects.filter(status=Status.ACTIVE).exclude(model="").order_by("pk"))
        if not accounts or not closed:
            return []
        states = _states(accounts)
        requests: list[Request] = []
        for account in accounts:
            agent = self._agent(account)
            for bar in closed if agent is not None else ():
                if agent is not None and bar.symbol in agent.symbols and bar.symbol in market.quotes:
                    request = self._ask(agent, states[account.pk], bar, market)
                    requests += [request] if request else []
        return requests

    def _ask(self, agent: Agent, state: AccountState, bar: Bar, market: Market) -> Request | None:
        position = state.positions.get(bar.symbol)
        is_open = position is not None and position.is_open
        bars = self._bars[bar.symbol]
        view = AgentView(
            symbol=bar.symbol,
            instrument=market.instrument(bar.symbol),
            bars=list(bars)[-agent.bars_needed :],
            mark=market.quotes[bar.symbol].mark,
            equity=state.equity(market),
            position_size=position.signed_size if position is not None else bar.volume * 0,
            entry_price=position.entry_price if position is not None and is_open else None,
        )
        try:
            verdict = agent.decide(view)
        except Exception:
            # One model's failure must not stop the others.
            logger.exception("The model %s failed on account %s", agent.name, state.id)
            return None
        return Request(state.id, to_command(agent.name, view, verdict)) if verdict is not None else None

    def _agent(self, account: Account) -> Agent | None:
        """Return the account's model, made once for each set of settings; None where they can't be used."""
        key = (account.pk, account.model, json.dumps(account.model_settings, sort_keys=True))
        if key not in self._agents:
            try:
                self._agents[key] = make_agent(account.model, account.model_settings)
            except SettingsError as error:
                logger.error("The model of account %s can't be run: %s", account.pk, error)
                self._agents[key] = None
        return self._agents[key]


def _states(accounts: Iterable[Account]) -> dict[int, AccountState]:
    """Return what the models see of their accounts: cash and open positions, one query."""
    rows = {account.pk: account for account in accounts}
    positions: dict[int, dict[str, object]] = {pk: {} for pk in rows}
    for row in Position.objects.filter(account__in=rows, size__gt=0).annotate(symbol=F("instrument")):
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
