"""Rows and values as the protocol tells them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import msgspec

from accounts.models import LedgerEntry, User
from accounts.selectors import AccountView
from realtime.protocol import history as history_messages
from realtime.protocol import messages
from realtime.protocol.numbers import PRINTED, number, optional
from realtime.protocol.previewing import OrderPreview
from trading import history
from trading.domain import margin, orders
from trading.domain.enums import OrderStatus, OrderType
from trading.domain.market import Quote
from trading.domain.money import CONTEXT, round_micro
from trading.domain.positions import Position as PositionValue
from trading.domain.previewing import Preview
from trading.leaderboard import Standing
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade
from trading.models.decision import public_decision_id
from trading.selectors import AccountSnapshot, PositionView

PARTIALLY_FILLED = "partially_filled"


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def user(row: User) -> messages.UserData:
    return messages.UserData(row.pk, row.get_username())


def account(row: AccountView) -> messages.AccountData:
    return messages.AccountData(
        id=row.id,
        name=row.name,
        status=row.status,
        model=row.model or None,
        owner=messages.UserData(row.owner_id, row.owner_name),
        role=row.role,
        starting_capital=number(row.starting_capital),
        balance=number(row.cash),
    )


def standing(row: Standing) -> messages.StandingData:
    account = row.account
    return messages.StandingData(
        account_id=account.id,
        name=account.name,
        status=account.status,
        model=account.model or None,
        owner=messages.UserData(account.owner_id, account.owner_name),
        equity=number(round_micro(row.equity)),
        return_pct=optional(row.return_pct),
        max_drawdown_pct=number(row.max_drawdown_pct),
        sharpe=optional(row.sharpe),
        win_rate_pct=optional(row.win_rate_pct),
        trades=row.trades,
        fees=number(row.fees),
        gross_exposure=number(round_micro(row.gross_exposure)),
        open_risk=optional(row.open_risk),
    )


def order_status(status: str, filled_size: Decimal) -> str:
    """Return the status that clients see: an open order that has fills is `partially_filled`."""
    return PARTIALLY_FILLED if status == OrderStatus.OPEN and filled_size else status


def order(row: Order) -> messages.OrderData:
    return messages.OrderData(
        order_id=row.pk,
        client_order_id=row.client_order_id,
        account_id=row.account_id,
        symbol=row.instrument_id,
        side=row.side,
        order_type=row.order_type,
        time_in_force=row.time_in_force,
        size=number(row.size),
        price=None if OrderType(row.order_type).is_market else number(row.price),
        status=order_status(row.status, row.filled_size),
        reason=row.reason or None,
        filled_size=number(row.filled_size),
        average_price=optional(orders.average_price(row.filled_size, row.filled_notional)),
        reduce_only=row.reduce_only,
        leverage=row.leverage,
        trigger_price=optional(row.trigger_price),
        triggered_at=None if row.triggered_at is None else utc(row.triggered_at),
        parent_order_id=row.parent_id,
        whole_position=row.whole_position,
        decision_id=None if row.decision_id is None else public_decision_id(row.decision_id),
        created_at=utc(row.created_at),
        timestamp=utc(row.updated_at),
    )


def encoded_orders(rows: Iterable[Order]) -> list[messages.OrderData]:
    """Return the orders of replies to come, encoded once for all of them."""
    return cast(list[messages.OrderData], msgspec.Raw(msgspec.json.encode([order(row) for row in rows])))


def order_placed(value: orders.Order, *, duplicate: bool) -> messages.OrderPlaced:
    return messages.OrderPlaced(
        order_id=value.ref,
        client_order_id=value.client_order_id,
        status=order_status(value.status, value.filled_size),
        filled_size=number(value.filled_size),
        average_price=optional(value.average_price),
        duplicate=duplicate,
        reason=value.reason or None,
    )


def order_preview(value: Preview) -> OrderPreview:
    told = OrderPreview(
        fee_rate=number(value.fee_rate),
        leverage=value.leverage,
        max_size=number(value.max_size),
        mark_price=number(value.mark_price),
    )
    would = value.outcome
    if would is None:
        return told
    return msgspec.structs.replace(
        told,
        notional=number(round_micro(would.notional)),
        average_price=optional(would.average_price),
        fee=number(would.fee),
        margin_required=number(round_micro(would.margin_required)),
        liquidation_price=_printed(would.liquidation_price),
        withdrawable_after=number(round_micro(would.withdrawable_after)),
        filled_size=number(would.filled_size),
        resting_size=number(would.resting_size),
        slippage_pct=optional(would.slippage_pct),
        fill_quality=would.fill_quality,
    )


def _printed(price: Decimal | None) -> msgspec.Raw | None:
    return None if price is None else number(price.quantize(PRINTED, context=CONTEXT))


def decision_submitted(
    pk: int | None, client_decision_id: str | None, *, duplicate: bool
) -> messages.DecisionSubmitted:
    assert pk is not None, "a decision was submitted"
    return messages.DecisionSubmitted(public_decision_id(pk), client_decision_id, duplicate)


def order_amended(value: orders.Order) -> messages.OrderAmended:
    return messages.OrderAmended(
        order_id=value.ref,
        client_order_id=value.client_order_id,
        status=order_status(value.status, value.filled_size),
        size=number(value.size),
        price=None if value.order_type.is_market else number(value.price),
        trigger_price=optional(value.trigger_price),
        filled_size=number(value.filled_size),
        average_price=optional(value.average_price),
        reason=value.reason or None,
    )


def order_canceled(value: orders.Order) -> messages.OrderCanceled:
    return messages.OrderCanceled(value.ref, value.client_order_id, value.status, number(value.filled_size))


def trade(row: Trade) -> messages.TradeUpdate:
    return messages.TradeUpdate(
        trade_id=row.pk,
        account_id=row.account_id,
        symbol=row.instrument_id,
        side=row.side,
        status=row.status,
        price=number(row.price),
        size=number(row.size),
        pnl=optional(row.pnl),
        timestamp=utc(row.executed_at),
        order_id=row.order_id,
        client_order_id=row.order.client_order_id,
        fee=number(row.fee),
        liquidity=row.liquidity,
        fill_quality=row.fill_quality,
        liquidation=row.liquidation,
        decision_id=None if row.order.decision_id is None else public_decision_id(row.order.decision_id),
    )


def _position(account_id: int, position: PositionValue, mark: Decimal, at: datetime) -> dict[str, object]:
    value = position.value(mark)
    return {
        "account_id": account_id,
        "symbol": position.symbol,
        "side": position.side.value,
        "size": number(position.size),
        "entry_price": number(position.entry_price),
        "mark_price": number(mark),
        "unrealized_pnl": number(position.unrealized_pnl(mark)),
        "realized_pnl": number(position.realized_pnl),
        "position_value": number(value),
        "margin_used": number(round_micro(margin.position_margin(position, mark))),
        "return_on_equity": number(margin.return_on_equity(position, mark).quantize(PRINTED, context=CONTEXT)),
        "leverage": position.leverage,
        "margin_mode": position.margin_mode.value,
        "timestamp": utc(at),
    }


def position(row: Position, mark: Decimal, at: datetime) -> messages.PositionData:
    return messages.PositionData(**_position(row.account_id, row.to_domain(), mark, at))  # type: ignore[arg-type]


def position_view(account_id: int, view: PositionView) -> messages.SnapshotPosition:
    return messages.SnapshotPosition(
        **_position(account_id, view.position, view.mark, view.updated_at),  # type: ignore[arg-type]
        liquidation_price=_printed(view.liquidation_price),
    )


def decision(row: ModelDecision) -> messages.ModelChatUpdate:
    return messages.ModelChatUpdate(
        decision_id=row.public_id,
        account_id=row.account_id,
        symbol=row.instrument_id,
        decision=row.decision,
        reasoning=row.reasoning,
        timestamp=utc(row.created_at),
        model=row.model,
        confidence=optional(row.confidence),
        order_id=row.first_order_id(),
        outcome=row.outcome,
    )


def equity_point(row: EquityPoint) -> messages.AssetCurveUpdate:
    return messages.AssetCurveUpdate(
        account_id=row.account_id,
        timestamp=utc(row.timestamp),
        equity=number(row.equity),
        balance=number(row.balance),
        daily_pnl=number(row.daily_pnl),
        daily_return_pct=optional(row.daily_return_pct),
    )


def ledger_entry(row: LedgerEntry) -> history_messages.LedgerEntryData:
    return history_messages.LedgerEntryData(
        entry_id=row.pk,
        kind=row.kind,
        amount=number(row.amount),
        balance_after=number(row.balance),
        note=row.reason,
        symbol=history.symbol_of(row),
        timestamp=utc(row.created_at),
    )


def funding_payment(row: history.Payment) -> history_messages.FundingPayment:
    return history_messages.FundingPayment(
        symbol=row.symbol,
        side=None if row.side is None else row.side.value,
        size=optional(row.size),
        rate=optional(row.rate),
        price=optional(row.price),
        amount=number(row.amount),
        timestamp=utc(row.at),
    )


def price(quote: Quote) -> messages.PriceUpdate:
    book = quote.book
    return messages.PriceUpdate(
        symbol=quote.symbol,
        mark_price=number(quote.mark),
        oracle_price=optional(quote.oracle),
        bid=number(book.bids[0].price) if book and book.bids else None,
        ask=number(book.asks[0].price) if book and book.asks else None,
        timestamp=utc(quote.at),
    )


def snapshot(
    view: AccountSnapshot, orders: list[messages.OrderData], as_of: dict[str, messages.StreamHead]
) -> messages.Snapshot:
    return messages.Snapshot(
        account_id=view.account.pk,
        equity=number(round_micro(view.equity)),
        balance=number(view.account.cash),
        unrealized_pnl=number(round_micro(view.unrealized_pnl)),
        margin_used=number(round_micro(view.margin_used)),
        withdrawable=number(round_micro(view.withdrawable)),
        daily_pnl=number(round_micro(view.daily_pnl)),
        daily_return_pct=optional(view.daily_return_pct),
        positions=[position_view(view.account.pk, each) for each in view.positions],
        active_orders=orders,
        as_of=as_of,
        timestamp=utc(view.at),
    )
