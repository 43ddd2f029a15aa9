"""Reading what orders that follow from decisions are held to: earlier decisions, the account's limits, its conduct.

Only for the accounts whose commands ask for it; by index, whatever their history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.models import Account
from trading.domain import commands
from trading.domain.decisions import Decision
from trading.domain.enums import Action, DecisionStatus
from trading.domain.limits import DEFAULT_LIMITS, HOUR, NO_CONDUCT, Conduct, RiskLimits
from trading.domain.orders import Order as OrderValue
from trading.models import ModelDecision, Order, Trade
from trading.models import RiskLimits as RiskLimitsRow
from trading.rows import Select

Ask = tuple[int, commands.Command]
DECISION = (
    "id", "account_id", "client_decision_id", "model", "instrument_id", "decision", "reasoning", "confidence", "status",
    "outcome", "decided_at", "created_at", "mark",
)  # fmt: skip
LIMITS = (
    "account_id", "risk_pct", "gross_exposure", "symbol_exposure", "max_leverage", "daily_loss_pct", "cooldown_s",
    "orders_per_hour", "max_age_s", "max_drift_pct", "require_stop", "min_reward_risk",
)  # fmt: skip
_by_client_id = Select(ModelDecision, *DECISION, pairs=("account_id", "client_decision_id"))
_by_id = Select(ModelDecision, *DECISION, where="id {numbers}")
_limits = Select(RiskLimitsRow, *LIMITS, where="account_id {numbers}")
# Brackets come with their parents: they are no decisions' orders of their own.
_ordered = Select(
    Order, "account_id", "created_at",
    where="account_id {numbers} AND created_at > %s AND decision_id IS NOT NULL AND parent_id IS NULL",
)  # fmt: skip
_last_lost = Select(
    Trade,
    "account_id",
    "executed_at",
    where=f"""id IN (
        SELECT (SELECT t.id FROM "{Trade._meta.db_table}" t WHERE t.account_id = a.id AND t.pnl < 0
                ORDER BY t.id DESC LIMIT 1)
        FROM "{Account._meta.db_table}" a WHERE a.id {{numbers}})""",  # noqa: S608  (the names are the models' own)
)


class Earlier:
    """What the commands of a batch need of earlier decisions and orders, at `now` (UTC)."""

    def __init__(self, asks: Sequence[Ask], orders: Mapping[int, Mapping[int, OrderValue]], now: datetime) -> None:
        self._decisions: dict[int, dict[str, Decision]] = {}
        self._decided: dict[int, dict[int, Decision]] = {}
        self._limits: dict[int, RiskLimits] = {}
        self._conduct: dict[int, Conduct] = {}
        named, ids, gated = set[tuple[int, str]](), set[int](), set[int]()
        for account_id, command in asks:
            if isinstance(command, commands.SubmitDecision):
                if command.client_decision_id:
                    named.add((account_id, command.client_decision_id))
                if command.order is not None:
                    gated.add(account_id)
            elif isinstance(command, commands.PlaceOrder) and command.decision_id is not None:
                ids.add(command.decision_id)
                gated.add(account_id)
            elif isinstance(command, commands.AmendOrder):
                followed = [each.decision_ref for each in orders.get(account_id, {}).values() if _names(command, each)]
                ids.update(ref for ref in followed if ref is not None)
                if any(ref is not None for ref in followed):
                    gated.add(account_id)
        for row in _by_client_id(named) if named else ():
            self._decisions.setdefault(row[1], {})[row[2]] = _decision(*row)
        for row in _by_id(ids) if ids else ():
            self._decided.setdefault(row[1], {})[row[0]] = _decision(*row)
        if gated:
            self._limits = risk_limits(gated)
            self._conduct = _conduct(gated, self._limits, now)

    def of(self, account_id: int) -> dict[str, Any]:
        """Return the fields of an account's state that this is."""
        return {
            "decisions": self._decisions.get(account_id, {}),
            "decided": self._decided.get(account_id, {}),
            "limits": self._limits.get(account_id) or default_limits(),
            "conduct": self._conduct.get(account_id, NO_CONDUCT),
        }


def default_limits() -> RiskLimits:
    """Return the limits of accounts that have none of their own, as the settings give them.

    A market that runs faster than the clock has so many more of its hours in one of the clock, and the models of it so
    many more orders.
    """
    return _defaults(settings.HYPERORU_DECISION_ORDERS_PER_HOUR * settings.MARKET_PACE)


@lru_cache
def _defaults(orders_per_hour: int) -> RiskLimits:
    return replace(DEFAULT_LIMITS, orders_per_hour=orders_per_hour or None)


def risk_limits(account_ids: Iterable[int]) -> dict[int, RiskLimits]:
    """Return the risk limits of accounts that have some of their own; for the others the defaults hold."""
    return {account_id: _row_limits(*values) for account_id, *values in _limits(list(account_ids))}


def _names(command: commands.AmendOrder, order: OrderValue) -> bool:
    if command.order_id is not None:
        return order.ref == command.order_id
    return command.client_order_id is not None and order.client_order_id == command.client_order_id


def _row_limits(
    risk: Any, gross: Any, symbol: Any, leverage: int | None, loss: Any, cooldown_s: int | None, hourly: int | None,
    max_age_s: int | None, drift: Any, require_stop: bool, reward: Any,
) -> RiskLimits:  # fmt: skip
    cooldown, max_age = (None if s is None else timedelta(seconds=s) for s in (cooldown_s, max_age_s))
    return RiskLimits(
        risk, gross, symbol, leverage, loss, cooldown, hourly, max_age, drift, bool(require_stop), reward
    )  # fmt: skip


def _conduct(account_ids: set[int], limits: dict[int, RiskLimits], now: datetime) -> dict[int, Conduct]:
    """Return what the accounts' decisions did lately, as far as a limit asks for it."""
    of = {pk: limits.get(pk) or default_limits() for pk in account_ids}
    counted = [pk for pk, each in of.items() if each.orders_per_hour is not None]
    cooling = [pk for pk, each in of.items() if each.cooldown is not None]
    ordered: dict[int, list[datetime]] = {}
    since = connection.ops.adapt_datetimefield_value(now - HOUR)
    for account_id, at in _ordered(counted, since) if counted else ():
        ordered.setdefault(account_id, []).append(at)
    lost: dict[int, datetime] = dict(_last_lost(cooling)) if cooling else {}
    return {pk: Conduct(tuple(sorted(ordered.get(pk, ()))), lost.get(pk)) for pk in account_ids}


def _decision(
    pk: int, account_id: int, client_id: str | None, model: str, symbol: str, action: str, reasoning: str,
    confidence: Any, status: str, outcome: str, decided_at: datetime | None, created_at: datetime, mark: Any,
) -> Decision:  # fmt: skip
    said = commands.SubmitDecision(model, symbol, Action(action), reasoning, confidence)
    return Decision(
        ref=pk,
        symbol=symbol,
        action=Action(action),
        at=decided_at or created_at,
        mark=mark,
        status=DecisionStatus(status),
        outcome=outcome,
        body=said.fingerprint(),
    )
