"""Trading: each request goes to the desk, in the order in which it came, and is answered after the commit."""

import asyncio
from concurrent.futures import Future
from datetime import timedelta

from django.utils import timezone

from realtime import wire
from realtime.connection import Connection
from realtime.handlers.answer import Answer
from realtime.handlers.asked import decision_asked, order_asked, refusal
from realtime.protocol import messages
from realtime.protocol.errors import FieldError, ProtocolError, unavailable
from realtime.session import Session
from trading.authority import Actor
from trading.desk import Answer as DeskAnswer
from trading.desk import Done, Request, desk
from trading.domain import commands
from trading.domain.errors import Rejection

ANSWERED_WITHIN_S = 10.0


async def place_order(connection: Connection, data: messages.PlaceOrder) -> Answer:
    """Place an order and tell what became of it."""
    done = await _done(connection.session, data.account_id, order_asked(data))
    return Answer(wire.order_placed(done.orders[0], duplicate=done.duplicate))


async def submit_decision(connection: Connection, data: messages.SubmitDecision) -> Answer:
    """Tell what a model outside decided; an order may follow by its id."""
    command = decision_asked(data, connection.session.username)
    done = await _done(connection.session, data.account_id, command)
    return Answer(wire.decision_submitted(done.decision_id, data.client_decision_id, duplicate=done.duplicate))


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
        raise unknown() from None


def unknown() -> ProtocolError:
    """Return the error of a request that the desk has begun and nobody knows the end of."""
    return ProtocolError("execution_unknown", "The database does not answer; ask for the order by its client_order_id.")
