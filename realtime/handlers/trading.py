"""Trading: each request goes to the desk, in the order in which it came, and is answered after the commit."""

import asyncio
from concurrent.futures import Future
from datetime import timedelta

from django.utils import timezone
from msgspec import UnsetType

from realtime import wire
from realtime.connection import Connection
from realtime.handlers.answer import Answer
from realtime.protocol import messages
from realtime.protocol.errors import CODES, FieldError, ProtocolError, unavailable
from realtime.session import Session
from trading.authority import Actor
from trading.desk import Answer as DeskAnswer
from trading.desk import Done, Request, desk
from trading.domain import commands
from trading.domain.enums import MarginMode, OrderType, Side, TimeInForce
from trading.domain.errors import Rejection

ANSWERED_WITHIN_S = 10.0


async def place_order(connection: Connection, data: messages.PlaceOrder) -> Answer:
    """Place an order and tell what became of it."""
    command = commands.PlaceOrder(
        symbol=data.symbol,
        side=Side(data.side),
        size=None if isinstance(data.size, UnsetType) else data.size,
        order_type=OrderType(data.order_type),
        price=data.price,
        time_in_force=None if data.time_in_force is None else TimeInForce(data.time_in_force),
        reduce_only=data.reduce_only,
        leverage=data.leverage,
        margin_mode=None if data.margin_mode is None else MarginMode(data.margin_mode),
        client_order_id=data.client_order_id,
        trigger_price=data.trigger_price,
        stop_loss=_bracket(data.stop_loss),
        take_profit=_bracket(data.take_profit),
    )
    done = await _done(connection.session, data.account_id, command)
    return Answer(wire.order_placed(done.orders[0], duplicate=done.duplicate))


def _bracket(data: messages.Bracket | None) -> commands.Bracket | None:
    return None if data is None else commands.Bracket(data.trigger_price, data.price)


async def amend_order(connection: Connection, data: messages.AmendOrder) -> Answer:
    """Change an order that is not finished."""
    _check_named(data)
    figures = (data.size, data.price, data.trigger_price)
    if figures == (None, None, None):
        fields = [FieldError("size", "or price or trigger_price is required")]
        raise ProtocolError("bad_request", "Say what is to change: size, price or trigger_price.", fields=fields)
    command = commands.AmendOrder(data.order_id, data.client_order_id, *figures)
    done = await _done(connection.session, data.account_id, command)
    return Answer(wire.order_amended(done.orders[0]))


async def close_position(connection: Connection, data: messages.ClosePosition) -> Answer:
    """Close a position at the market."""
    command = commands.ClosePosition(data.symbol, data.client_order_id)
    done = await _done(connection.session, data.account_id, command)
    return Answer(wire.order_placed(done.orders[0], duplicate=done.duplicate))


async def cancel_after(connection: Connection, data: messages.CancelAfter) -> Answer:
    """Cancel all orders of an account at a deadline, unless it is moved before."""
    deadline = timezone.now() + timedelta(seconds=data.timeout_s) if data.timeout_s else None
    await _done(connection.session, data.account_id, commands.CancelAfter(deadline))
    return Answer(messages.DeadlineSet(trigger_time=None if deadline is None else wire.utc(deadline)))


def _check_named(data: messages.CancelOrder | messages.AmendOrder) -> None:
    if (data.order_id is None) == (data.client_order_id is None):
        fields = [FieldError("order_id", "or client_order_id is required, not both")]
        raise ProtocolError("bad_request", "Name the order by order_id or by client_order_id.", fields=fields)


async def cancel_order(connection: Connection, data: messages.CancelOrder) -> Answer:
    """Cancel one open order."""
    _check_named(data)
    command = commands.CancelOrder(data.order_id, data.client_order_id)
    done = await _done(connection.session, data.account_id, command)
    return Answer(wire.order_canceled(done.orders[0]))


async def cancel_all_orders(connection: Connection, data: messages.CancelAllOrders) -> Answer:
    """Cancel all open orders of an account, or those of one symbol."""
    done = await _done(connection.session, data.account_id, commands.CancelAllOrders(data.symbol))
    return Answer(messages.OrdersCanceled(canceled=[order.ref for order in done.orders], failed=[]))


async def _done(session: Session, account_id: int, command: commands.Command) -> Done:
    """Give a command to the desk and return what was done; raise its refusal in the protocol's words."""
    identity = session.identity
    assert identity is not None, "the route needs a session"
    actor = Actor(token=identity.token, user_id=session.user_id, token_user_id=identity.user_id)
    answer = await _answered(desk.submit(Request(account_id, command, actor)))
    if isinstance(answer, Rejection):
        raise refusal(answer)
    return answer


async def _answered(future: "Future[DeskAnswer]") -> DeskAnswer:
    """Wait for the desk's answer, but not for ever; what the desk has not begun by then is not done any more."""
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            return await asyncio.wrap_future(future)
    except (TimeoutError, asyncio.CancelledError):
        if future.cancel():
            raise unavailable() from None
        if future.done():
            return future.result()
        raise ProtocolError(
            "execution_unknown", "The database does not answer; ask for the order by its client_order_id."
        ) from None


def refusal(error: Rejection) -> ProtocolError:
    """Return a refusal of the exchange as an error of the protocol."""
    assert error.code in CODES, error.code
    fields = [FieldError(problem.path, problem.message) for problem in error.fields]
    return ProtocolError(
        error.code, error.message, fields=fields, retry_after_ms=error.retry_after_ms, reason=error.reason
    )
