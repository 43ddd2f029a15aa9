"""The prompt: an account and its markets, as a versioned template tells them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.agents.asking import AccountView, HeldView
from trading.agents.base import AgentView
from trading.agents.llm.templates import template
from trading.domain.limits import RiskLimits
from trading.domain.market import Bar
from trading.domain.money import round_micro
from trading.domain.orders import Order

MOST_THESIS = 1_500
MOST_OUTCOME = 400
MOST_DECISIONS = 20
NONE = "none"


def render(view: AccountView, version: str) -> str:
    """Return the prompt about an account: the same view and version, the same text."""
    return template(version).substitute(
        at=_at(view.at),
        trigger=view.trigger.value,
        symbols=", ".join(view.symbols),
        account=_json(_account(view)),
        limits=_json(_limits(view.limits)),
        positions=_lines([_position(held) for held in view.positions]),
        orders=_lines([_order(order) for order in view.orders]),
        decisions=_lines([text[:MOST_OUTCOME] for text in view.decisions[-MOST_DECISIONS:]]),
        markets="\n\n".join(_market(market) for market in view.symbols.values()),
    )


def plain(value: Decimal) -> str:
    """Write a number without exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _account(view: AccountView) -> dict[str, Any]:
    names = ("equity", "cash", "withdrawable", "margin_used", "daily_pnl")
    return {name: plain(round_micro(getattr(view, name))) for name in names}


def _limits(limits: RiskLimits) -> dict[str, Any]:
    return {each.name: _limit(getattr(limits, each.name)) for each in fields(limits)}


def _limit(value: object) -> object:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return plain(value) if isinstance(value, Decimal) else value


def _position(held: HeldView) -> dict[str, Any]:
    position = held.position
    return {
        "symbol": position.symbol,
        "side": position.side.value,
        "size": plain(position.size),
        "entry_price": plain(position.entry_price),
        "mark": plain(held.mark),
        "unrealized_pnl": plain(round_micro(position.unrealized_pnl(held.mark))),
        "leverage": position.leverage,
        "margin_mode": position.margin_mode.value,
        "liquidation_price": None if held.liquidation_price is None else plain(round_micro(held.liquidation_price)),
        "opened_at": None if held.opened_at is None else _at(held.opened_at),
        "thesis": None if held.thesis is None else held.thesis[:MOST_THESIS],
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.order_type.value,
        "size": plain(order.size),
        "filled": plain(order.filled_size),
        "price": plain(order.price),
        "trigger_price": None if order.trigger_price is None else plain(order.trigger_price),
        "reduce_only": order.reduce_only,
        "whole_position": order.whole_position,
        "status": order.status.value,
    }


def _market(view: AgentView) -> str:
    instrument = view.instrument
    about = {
        "symbol": view.symbol,
        "mark": plain(view.mark),
        "max_leverage": instrument.max_leverage,
        "lot": plain(Decimal(1).scaleb(-instrument.size_decimals)),
        "price_decimals": instrument.price_decimals,
        "min_notional": plain(instrument.min_notional),
        "position_size": plain(view.position_size),
    }
    head = "open_time,open,high,low,close,volume (oldest first, newest last)"
    return "\n".join([_json(about), head, *map(_bar, view.bars)])


def _bar(bar: Bar) -> str:
    return ",".join([_at(bar.open_time), *map(plain, (bar.open, bar.high, bar.low, bar.close, bar.volume))])


def _lines(rows: Sequence[object]) -> str:
    """Write each row as one line of JSON: what models and people wrote stays a string in it."""
    return "\n".join(map(_json, rows)) or NONE


def _json(value: Mapping[str, Any] | object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
