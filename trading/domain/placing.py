"""Placing an order: form, admission, margin, and what it fills at once."""

from dataclasses import replace
from decimal import Decimal

from trading.domain import margin
from trading.domain.book import Level, crosses, walk
from trading.domain.commands import PlaceOrder
from trading.domain.enums import AccountStatus, Liquidity, OrderType, TimeInForce
from trading.domain.errors import (
    AccountFrozen,
    DuplicateClientOrderId,
    FieldProblem,
    InsufficientMargin,
    OrderRejected,
)
from trading.domain.instruments import MAX_PRICE_DECIMALS, PRICE_FIGURES, Instrument, slippage_price
from trading.domain.journal import Journal
from trading.domain.market import Market
from trading.domain.money import LARGEST, LARGEST_SIZE, ZERO, round_micro
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.positions import Position, apply_fill
from trading.domain.state import AccountState


def earlier_order(state: AccountState, command: PlaceOrder) -> Order | None:
    """Return the order that this very request placed before; raise where its client id named another body."""
    earlier = state.order_by_client_id(command.client_order_id)
    if earlier is not None and earlier.body != command.fingerprint():
        raise DuplicateClientOrderId
    return earlier


def place(journal: Journal, command: PlaceOrder, policies: Policies, decision_ref: int | None) -> Order:
    """Admit an order, fill what it may take, rest or cancel what is left, and return it."""
    state, market, now = journal.state, journal.market, journal.now
    if state.status is AccountStatus.FROZEN:
        raise AccountFrozen
    instrument = market.instrument(command.symbol)
    _check_form(command, instrument)
    quote = market.quote(command.symbol, now)
    book = market.book(quote)
    leverage = _leverage(state, command, instrument)
    size = _admitted_size(state, command)
    is_market = command.order_type is OrderType.MARKET
    if is_market:
        limit = slippage_price(book.mid or quote.mark, policies.market_slippage, command.side, instrument.size_decimals)
    else:
        assert command.price is not None, "the form was checked"
        limit = command.price
    _check_notional(command, size * (quote.mark if is_market else limit), instrument, policies)

    in_force = TimeInForce.IOC if is_market else command.time_in_force or TimeInForce.GTC
    taken: tuple[Level, ...] = ()
    if in_force is TimeInForce.ALO:
        against = book.against(command.side)
        if against and crosses(against[0].price, limit, command.side):
            raise OrderRejected(
                f"A post-only order at {limit:f} would trade at once with {against[0].price:f}; move its price away.",
                reason="bad_alo_px_rejected",
                fields=[FieldProblem("price", "would trade at once")],
            )
    else:
        taken = walk(book, command.side, size, limit)
    rests = in_force is not TimeInForce.IOC
    if not taken and not rests:
        raise _nothing_to_take(is_market, limit)
    if rests and sum(1 for _ in state.open_orders()) >= policies.max_open_orders:
        raise OrderRejected(
            f"The account has {policies.max_open_orders} open orders, the most allowed; cancel some first.",
            reason="too_many_open_orders_rejected",
        )

    order = Order(
        ref=journal.new_ref(),
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        size=size,
        price=limit,
        leverage=leverage,
        created_at=now,
        updated_at=now,
        time_in_force=in_force,
        reduce_only=command.reduce_only,
        client_order_id=command.client_order_id,
        decision_ref=decision_ref,
        body=command.fingerprint(),
    )
    final = order
    for level in taken:
        final = final.filled(level.size, level.price, now)
    if final.is_open and not rests:
        final = final.canceled("market_canceled" if is_market else "ioc_canceled", now)
    check_margin(state, market, final, taken, leverage)

    journal.set_leverage(command.symbol, leverage)
    journal.put_order(final, created=True)
    for level in taken:
        journal.fill(order, level.size, level.price, Liquidity.TAKER, book.quality)
    market.take(command.symbol, command.side, taken)
    return final


def check_margin(state: AccountState, market: Market, order: Order, fills: tuple[Level, ...], leverage: int) -> None:
    """Refuse an order that opens or will open more than the account has free margin for.

    `order` is the order as it will stand after `fills`, `state` the account before them, `leverage` the position's
    after them. Needed: what the fills open, at their prices, over the leverage, and what resting orders will hold more
    than before. Available: equity after the part that closes, less the margin of what remains of the positions and of
    the open orders. An order that only closes is never refused. Fees are not part of it (a policy: the venue's
    documentation leaves it open).
    """
    before = state.position(order.symbol, leverage)
    kept = after = replace(before, leverage=leverage)
    cash, opened = state.cash, ZERO
    for level in fills:
        after = apply_fill(after, order.side, level.size, level.price).position
        closing = min(level.size, kept.size) if kept.side.closing_side is order.side else ZERO
        if closing:
            result = apply_fill(kept, order.side, closing, level.price)
            kept, cash = result.position, cash + (result.closed_pnl or ZERO)
        opened += (level.size - closing) * level.price
    without = state.with_order(order.canceled("", order.updated_at))
    held_before = without.order_margin()
    held_after = state.with_position(after).with_order(order).order_margin()
    rest_opens = held_after > without.with_position(after).order_margin()
    lowered = before.is_open and leverage < before.leverage
    if not (opened or rest_opens or lowered):
        return
    if opened:
        _check_tier(market, order, after)
    marks = state.marks(market)
    positions = [kept, *(p for symbol, p in state.positions.items() if symbol != order.symbol)]
    needed = margin.initial_margin(opened, leverage) + max(ZERO, held_after - held_before)
    available = margin.account_value(cash, positions, marks) - margin.margin_used(positions, marks) - held_before
    if needed > available:
        raise InsufficientMargin(round_micro(needed), max(ZERO, round_micro(available)))


def _check_tier(market: Market, order: Order, after: Position) -> None:
    """Refuse what would grow a position into a margin tier that does not allow its leverage."""
    notional = after.value(market.mark(order.symbol, otherwise=order.price))
    allowed = margin.maintenance(market.instrument(order.symbol).tiers, notional).max_leverage
    if after.leverage > allowed:
        raise OrderRejected(
            f"A position worth {round_micro(notional):f} USDC may have a leverage of at most {allowed}; lower it.",
            reason="leverage_rejected",
            fields=[FieldProblem("leverage", f"must be at most {allowed} for a position of this size")],
        )


def _check_form(command: PlaceOrder, instrument: Instrument) -> None:
    """Refuse prices and sizes off the grid, and fields that do not go with the order's type; tell all at once."""
    problems: list[FieldProblem] = []
    reason = "tick_rejected"
    if not instrument.size_is_valid(command.size):
        reason = "lot_rejected"
        problems.append(FieldProblem("size", f"must be a multiple of {Decimal(1).scaleb(-instrument.size_decimals):f}"))
    elif command.size >= LARGEST_SIZE:
        reason = "lot_rejected"
        problems.append(FieldProblem("size", f"must be less than {LARGEST_SIZE:f}"))
    if command.order_type is OrderType.MARKET:
        problems += [
            FieldProblem(path, "does not go with a market order; leave it out")
            for path, value in (("price", command.price), ("time_in_force", command.time_in_force))
            if value is not None
        ]
    elif command.price is None:
        problems.append(FieldProblem("price", "is required for a limit order"))
    elif not instrument.price_is_valid(command.price):
        places = MAX_PRICE_DECIMALS - instrument.size_decimals
        problems.append(
            FieldProblem(
                "price",
                f"must be whole, or have at most {PRICE_FIGURES} significant figures and {places} decimals",
            )
        )
    elif command.price >= LARGEST:
        problems.append(FieldProblem("price", f"must be less than {LARGEST:f}"))
    if command.leverage is not None and not 1 <= command.leverage <= instrument.max_leverage:
        reason = "leverage_rejected"
        problems.append(FieldProblem("leverage", f"must be from 1 to {instrument.max_leverage}"))
    if problems:
        told = "; ".join(f"{problem.path} {problem.message}" for problem in problems)
        raise OrderRejected(f"The order does not fit {instrument.symbol}: {told}.", reason=reason, fields=problems)


def _leverage(state: AccountState, command: PlaceOrder, instrument: Instrument) -> int:
    """Return the order's leverage: its own, else the position's, else the instrument's default."""
    default = min(instrument.default_leverage, instrument.max_leverage)
    return command.leverage or state.position(command.symbol, default).leverage


def _admitted_size(state: AccountState, command: PlaceOrder) -> Decimal:
    """Clip a reduce-only order to the position that it reduces; refuse it where there is none."""
    if not command.reduce_only:
        return command.size
    position = state.positions.get(command.symbol)
    if position is None or not position.is_open or position.side.closing_side is not command.side:
        raise OrderRejected(
            f"There is no {command.symbol} position that a {command.side} order would reduce.",
            reason="reduce_only_rejected",
            fields=[FieldProblem("reduce_only", "has no position to reduce")],
        )
    return min(command.size, position.size)


def _check_notional(command: PlaceOrder, notional: Decimal, instrument: Instrument, policies: Policies) -> None:
    """Hold an order to the venue's least and greatest notional; reduce-only orders may be as small as a lot."""
    if notional < instrument.min_notional and not command.reduce_only:
        raise OrderRejected(
            f"The order is worth {notional:f} USDC; the least is {instrument.min_notional:f}.",
            reason="min_trade_ntl_rejected",
            fields=[FieldProblem("size", f"is worth less than {instrument.min_notional:f} USDC")],
        )
    if notional > policies.max_order_notional and not command.reduce_only:
        raise OrderRejected(
            f"The order is worth more than {policies.max_order_notional:f} USDC, the most allowed; split it.",
            reason="max_notional_rejected",
            fields=[FieldProblem("size", "is worth too much for one order")],
        )


def _nothing_to_take(is_market: bool, limit: Decimal) -> OrderRejected:
    if is_market:
        return OrderRejected(
            f"Nothing stands in the book up to {limit:f}; try later or place a limit order.",
            reason="market_order_no_liquidity_rejected",
        )
    return OrderRejected(
        f"Nothing stands in the book at {limit:f} or better, so an immediate-or-cancel order has nothing to take.",
        reason="ioc_cancel_rejected",
        fields=[FieldProblem("price", "meets nothing in the book")],
    )
