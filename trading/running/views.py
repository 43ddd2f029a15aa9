"""What a model that is asked sees of its account: one moment of the database."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from accounts.models import Account
from trading.agents.asking import AccountView, Asker, HeldView
from trading.agents.base import AgentView
from trading.domain.enums import RunTrigger
from trading.domain.limits import RiskLimits
from trading.domain.market import Bar, Market
from trading.domain.money import ZERO
from trading.models import ModelDecision, Trade
from trading.reading import read_snapshot
from trading.rows import Select
from trading.selectors import PositionView, account_snapshot
from trading.storage.earlier import risk_limits

LAST_DECISIONS = 10
Bars = Callable[[str, int], Sequence[Bar]]
# From the newest back to where the position began: with nothing held, or on the other side.
_opening = Select(
    Trade,
    "order_id",
    "executed_at",
    where="account_id = %s AND instrument_id = %s AND (start_position = 0"
    " OR (side = 'buy' AND start_position < 0 AND size > -start_position)"
    " OR (side = 'sell' AND start_position > 0 AND size > start_position)) ORDER BY id DESC LIMIT 1",
)


def account_view(
    account_id: int, asker: Asker, bars: Bars, market: Market, trigger: RunTrigger, now: datetime
) -> AccountView:
    """Return the account at `now` (UTC) with the markets that its model trades, as far as they have a price."""
    with read_snapshot():
        account = Account.objects.get(pk=account_id)
        snapshot = account_snapshot(account, market, now)
        held = [_held(account_id, each) for each in snapshot.positions]
        decisions = ModelDecision.objects.filter(account=account).order_by("-pk")[:LAST_DECISIONS]
        told = [_told(each) for each in reversed(decisions)]
        limits = risk_limits([account_id]).get(account_id, RiskLimits())
    sizes = {each.position.symbol: each.position for each in snapshot.positions}
    symbols = {
        symbol: AgentView(
            symbol=symbol,
            instrument=market.instruments[symbol],
            bars=bars(symbol, asker.bars_needed),
            mark=market.quotes[symbol].mark,
            equity=snapshot.equity,
            position_size=sizes[symbol].signed_size if symbol in sizes else ZERO,
            entry_price=sizes[symbol].entry_price if symbol in sizes else None,
        )
        for symbol in priced(asker.symbols, market)
    }
    return AccountView(
        account_id=account_id,
        at=now,
        trigger=trigger,
        equity=snapshot.equity,
        cash=account.cash,
        withdrawable=snapshot.withdrawable,
        margin_used=snapshot.margin_used,
        daily_pnl=snapshot.daily_pnl,
        symbols=symbols,
        positions=held,
        orders=[row.to_domain() for row in snapshot.orders],
        decisions=told,
        limits=limits,
    )


def priced(symbols: Iterable[str], market: Market) -> dict[str, Decimal]:
    """Return the marks of those symbols that are listed and have one."""
    return {each: market.quotes[each].mark for each in symbols if each in market.instruments and each in market.quotes}


def _held(account_id: int, view: PositionView) -> HeldView:
    held = HeldView(view.position, view.mark, view.liquidation_price)
    opening = _opening(account_id, view.position.symbol)
    if not opening:
        return held
    [(order_id, opened_at)] = opening
    thesis = ModelDecision.objects.filter(orders=order_id).values_list("reasoning", flat=True).first()
    return replace(held, thesis=thesis, opened_at=opened_at)


def _told(row: ModelDecision) -> str:
    what = f"{row.created_at:%Y-%m-%d %H:%M} UTC, {row.decision} {row.instrument_id}: {row.reasoning}"
    return f"{what} → {row.outcome}" if row.outcome else what
