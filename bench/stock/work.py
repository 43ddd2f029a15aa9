"""The ORM work of the stock consumer: our reads, and an order as one plain transaction."""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from accounts.selectors import authenticate_token, visible_accounts
from trading.domain.enums import FillQuality, Liquidity, OrderStatus, OrderType, Side, TimeInForce, TradeStatus
from trading.domain.fees import FeeRates, fee
from trading.domain.positions import apply_fill
from trading.market.board import board
from trading.models import EquityPoint, MarketPrice, Order, Position, Trade
from trading.prices import market_now
from trading.reading import read_snapshot
from trading.selectors import AccountSnapshot, account_snapshot


def sign_in(session_token: str) -> int:
    """Return the user of a token."""
    token = authenticate_token(session_token, timezone.now())
    if token is None:
        raise PermissionError("a wrong token")
    return int(token.user_id)


def snapshot(user_id: int, account_id: int) -> dict[str, Any]:
    """Return what an account is worth and holds."""
    now = timezone.now()
    market = market_now(board, now)
    with read_snapshot():
        view = account_snapshot(visible_accounts(user_id).get(pk=account_id), market, now)
        return {
            "account_id": view.account.pk,
            "equity": float(view.equity),
            "balance": float(view.account.cash),
            "unrealized_pnl": float(view.unrealized_pnl),
            "margin_used": float(view.margin_used),
            "withdrawable": float(view.withdrawable),
            "daily_pnl": float(view.daily_pnl),
            "timestamp": now.isoformat(),
            **_holdings(view),
        }


def bootstrap(user_id: int) -> dict[str, Any]:
    """Return the user's accounts and what the first holds."""
    now = timezone.now()
    market = market_now(board, now)
    with read_snapshot():
        accounts = list(visible_accounts(user_id).select_related("owner"))
        view = account_snapshot(accounts[0], market, now)
        return {"accounts": [_account(each) for each in accounts], "account_id": accounts[0].pk, **_holdings(view)}


def _account(row: Account) -> dict[str, Any]:
    owner = {"id": row.owner_id, "username": row.owner.get_username()}
    return {"id": row.pk, "name": row.name, "status": row.status, "owner": owner, "balance": float(row.cash)}


def _holdings(view: AccountSnapshot) -> dict[str, Any]:
    return {
        "positions": [
            {
                "symbol": each.position.symbol,
                "side": each.position.side.value,
                "size": float(each.position.size),
                "entry_price": float(each.position.entry_price),
                "mark_price": float(each.mark),
                "unrealized_pnl": float(each.position.unrealized_pnl(each.mark)),
                "leverage": each.position.leverage,
                "liquidation_price": None if each.liquidation_price is None else float(each.liquidation_price),
                "timestamp": each.updated_at.isoformat(),
            }
            for each in view.positions
        ],
        "active_orders": [
            {
                "order_id": row.pk,
                "client_order_id": row.client_order_id,
                "symbol": row.instrument_id,
                "side": row.side,
                "order_type": row.order_type,
                "size": float(row.size),
                "price": float(row.price),
                "filled_size": float(row.filled_size),
                "status": row.status,
                "created_at": row.created_at.isoformat(),
            }
            for row in view.orders
        ],
    }


@transaction.atomic
def place_order(user_id: int, data: dict[str, Any]) -> dict[str, Any]:
    """Fill a market order at the mark: the rows that our server writes for it, but no event log and no rules."""
    now = timezone.now()
    account = visible_accounts(user_id).select_for_update().get(pk=data["account_id"])
    price = MarketPrice.objects.get(instrument=data["symbol"]).mark
    size, side = Decimal(data["size"]), Side(data["side"])
    row, _ = Position.objects.get_or_create(
        account=account,
        instrument_id=data["symbol"],
        defaults={"side": "long", "size": 0, "entry_notional": 0, "leverage": 10, "updated_at": now},
    )
    before = row.to_domain()
    filled = apply_fill(before, side, size, price)
    order = Order(
        account=account, instrument_id=data["symbol"], client_order_id=data.get("client_order_id"), side=side,
        order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC, size=size, price=price, leverage=before.leverage,
        filled_size=size, filled_notional=size * price, status=OrderStatus.FILLED, created_at=now, updated_at=now,
    )  # fmt: skip
    Order.objects.bulk_create([order])
    paid = fee(price, size, FeeRates().taker)
    trade = Trade(
        account=account, order=order, instrument_id=data["symbol"], side=side, price=price, size=size, fee=paid,
        status=TradeStatus.FILLED if filled.closed_pnl is None else TradeStatus.CLOSED, pnl=filled.closed_pnl,
        start_position=before.signed_size, liquidity=Liquidity.TAKER, fill_quality=FillQuality.SYNTHETIC,
        executed_at=now,
    )  # fmt: skip
    Trade.objects.bulk_create([trade])
    after = filled.position
    Position.objects.filter(pk=row.pk).update(
        side=after.side, size=after.size, entry_notional=after.entry_notional, realized_pnl=after.realized_pnl,
        updated_at=now,
    )  # fmt: skip
    cash = account.cash + (filled.closed_pnl or 0) - paid
    Account.objects.filter(pk=account.pk).update(cash=cash)
    equity = cash + after.unrealized_pnl(price)
    profit = equity - account.day_open_equity
    point = EquityPoint(account=account, timestamp=now, balance=cash, equity=equity, daily_pnl=profit)
    EquityPoint.objects.bulk_create([point])
    return {"order_id": order.pk, "status": "filled", "filled_size": float(size), "average_price": float(price)}
