"""Placing an order: form, admission, margin, and what it fills at once."""

from decimal import Decimal

from trading.domain import brackets, taking, triggers
from trading.domain.admission import check_margin
from trading.domain.book import Book
from trading.domain.commands import ClosePosition, PlaceOrder
from trading.domain.enums import AccountStatus, OrderStatus, OrderType, TimeInForce
from trading.domain.errors import (
    AccountFrozen,
    DuplicateClientOrderId,
    FieldProblem,
    OrderRejected,
)
from trading.domain.forms import check_order
from trading.domain.instruments import Instrument, slippage_price
from trading.domain.journal import Journal
from trading.domain.market import Quote
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.state import AccountState
from trading.domain.values import replace


def earlier_order(state: AccountState, command: PlaceOrder | ClosePosition) -> Order | None:
    """Return the order that this very request placed before; raise where its client id named another body."""
    earlier = state.order_by_client_id(command.client_order_id)
    if earlier is not None and earlier.body != command.fingerprint():
        raise DuplicateClientOrderId
    return earlier


def place(
    journal: Journal, command: PlaceOrder, policies: Policies, decision_ref: int | None, body: str | None = None
) -> tuple[Order, ...]:
    """Admit an order, fill what it may take, rest or cancel what is left; return it and its brackets.

    `body` is the fingerprint of the request, where that was not the command itself.
    """
    state, market, now = journal.state, journal.market, journal.now
    if state.status is AccountStatus.FROZEN:
        raise AccountFrozen
    instrument = market.instrument(command.symbol)
    check_order(command, instrument)
    quote = market.quote(command.symbol, now)
    book = market.book(quote)
    leverage = leverage_of(state, command, instrument)
    size, kind = _admitted_size(state, command), command.order_type
    limit = _limit(command, quote, book, instrument, policies)
    if not command.reduce_only:
        price = command.price or (quote.mark if command.trigger_price is None else command.trigger_price)
        check_notional(size * price, instrument, kind, policies)
    if command.trigger_price is not None:
        triggers.check_side(command.side, kind, command.trigger_price, quote.mark)
    brackets.check_sides(command, quote.mark)

    order = Order(
        ref=journal.new_ref(),
        symbol=command.symbol,
        side=command.side,
        order_type=kind,
        size=size,
        price=limit,
        leverage=leverage,
        created_at=now,
        updated_at=now,
        time_in_force=TimeInForce.IOC if kind.is_market else command.time_in_force or TimeInForce.GTC,
        reduce_only=command.reduce_only,
        client_order_id=command.client_order_id,
        status=OrderStatus.PENDING_TRIGGER if kind.is_trigger else OrderStatus.OPEN,
        decision_ref=decision_ref,
        trigger_price=command.trigger_price,
        whole_position=command.size is None,
        body=body or command.fingerprint(),
    )
    if order.is_open and policies.latency.most_ms:
        name = command.client_order_id or f"{now.isoformat()} {order.body}"
        order = replace(order, active_at=now + policies.latency.delay(state.id, name))
    final, taken = order, taking.NOTHING
    if order.is_open and order.active_at is None:
        final, taken = _met(order, book)
    waits = kind.is_trigger or order.time_in_force is not TimeInForce.IOC
    _check_room(state, waits + len(list(brackets.of_command(command))), policies)
    journal.set_margin_mode(command.symbol, command.margin_mode, leverage)
    if order.is_open:
        check_margin(journal.state, market, final, taken, leverage, policies)
        taking.carry_out(journal, final, taken, book, leverage=leverage, created=True)
    else:
        journal.put_order(order, created=True)
    return (final, *brackets.put(journal, command, final, policies))


def close(journal: Journal, command: ClosePosition, policies: Policies) -> tuple[Order, ...]:
    """Close a symbol's whole position at the market, as far as the book goes."""
    journal.market.instrument(command.symbol)
    position = journal.state.positions.get(command.symbol)
    if position is None or not position.is_open:
        raise OrderRejected(
            f"There is no {command.symbol} position to close.",
            reason="reduce_only_rejected",
            fields=[FieldProblem("symbol", "has no position to close")],
        )
    order = PlaceOrder(
        command.symbol,
        position.side.closing_side,
        position.size,
        reduce_only=True,
        client_order_id=command.client_order_id,
    )
    return place(journal, order, policies, None, body=command.fingerprint())


def _limit(command: PlaceOrder, quote: Quote, book: Book, instrument: Instrument, policies: Policies) -> Decimal:
    """Return an order's limit; for one that goes to the market how far it walks the book."""
    if command.price is not None:
        return command.price
    if command.trigger_price is not None:
        return triggers.cap(command.trigger_price, command.side, instrument, policies)
    return slippage_price(book.mid or quote.mark, policies.market_slippage, command.side, instrument.size_decimals)


def _met(order: Order, book: Book) -> tuple[Order, taking.Taken]:
    """Let a new order meet the book; refuse one that finds nothing and does not rest, or must not trade at once."""
    taking.refuse_crossing(order, book)
    final, taken = taking.meet(order, book)
    if not taken and order.time_in_force is TimeInForce.IOC:
        raise _nothing_to_take(order.order_type is OrderType.MARKET, order.price)
    return final, taken


def _check_room(state: AccountState, more: int, policies: Policies) -> None:
    """Refuse more orders than an account may have open; those that wait for a trigger count too."""
    if more and sum(1 for order in state.orders.values() if order.is_active) + more > policies.max_open_orders:
        raise OrderRejected(
            f"The account may have {policies.max_open_orders} open orders at most; cancel some first.",
            reason="too_many_open_orders_rejected",
        )


def leverage_of(state: AccountState, command: PlaceOrder, instrument: Instrument) -> int:
    """Return the order's leverage: its own, else the position's, else the instrument's default."""
    default = min(instrument.default_leverage, instrument.max_leverage)
    return command.leverage or state.position(command.symbol, default).leverage


def _admitted_size(state: AccountState, command: PlaceOrder) -> Decimal:
    """Clip a reduce-only order to the position that it reduces; refuse it where there is none.

    One without a size takes the position's, and follows it.
    """
    if not command.reduce_only:
        assert command.size is not None, "the form was checked"
        return command.size
    position = state.positions.get(command.symbol)
    if position is None or not position.is_open or position.side.closing_side is not command.side:
        raise OrderRejected(
            f"There is no {command.symbol} position that a {command.side} order would reduce.",
            reason="reduce_only_rejected",
            fields=[FieldProblem("reduce_only", "has no position to reduce")],
        )
    return position.size if command.size is None else min(command.size, position.size)


def check_notional(notional: Decimal, instrument: Instrument, kind: OrderType, policies: Policies) -> None:
    """Hold an order to the venue's least and greatest notional. Not for reduce-only ones: they may be of any size."""
    if notional < instrument.min_notional:
        raise OrderRejected(
            f"The order is worth {notional:f} USDC; the least is {instrument.min_notional:f}.",
            reason="min_trade_ntl_rejected",
            fields=[FieldProblem("size", f"is worth less than {instrument.min_notional:f} USDC")],
        )
    most = policies.most_notional(instrument.max_leverage, kind)
    if notional > most:
        raise OrderRejected(
            f"The order is worth more than {most:f} USDC, the most allowed of its kind; split it.",
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
