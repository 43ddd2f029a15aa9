"""Requests as commands: the same for whoever asks, over the socket or over HTTP."""

from decimal import Decimal

from msgspec import UnsetType

from realtime.protocol import messages
from realtime.protocol.errors import CODES, FieldError, ProtocolError
from trading.domain import commands
from trading.domain.enums import Action, MarginMode, OrderType, Side, TimeInForce
from trading.domain.errors import Rejection
from trading.models.decision import decision_key

CONFIDENCE = Decimal("0.0001")
MODEL_LENGTH = 60


def order_asked(data: messages.PlaceOrder) -> commands.PlaceOrder:
    return commands.PlaceOrder(
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
        decision_id=None if data.decision_id is None else decision_key(data.decision_id),
    )


def decision_asked(data: messages.SubmitDecision, username: str) -> commands.SubmitDecision:
    """Return the command of a decision, which is signed with the user's name where it names no model."""
    confidence = None if data.confidence is None else Decimal(repr(data.confidence)).quantize(CONFIDENCE)
    return commands.SubmitDecision(
        model=data.model or username[:MODEL_LENGTH],
        symbol=data.symbol,
        action=Action(data.decision),
        reasoning=data.reasoning,
        confidence=confidence,
        client_decision_id=data.client_decision_id,
        from_client=True,
    )


def refusal(error: Rejection) -> ProtocolError:
    """Return a refusal of the exchange as an error of the protocol."""
    assert error.code in CODES, error.code
    fields = [FieldError(problem.path, problem.message) for problem in error.fields]
    return ProtocolError(
        error.code, error.message, fields=fields, retry_after_ms=error.retry_after_ms, reason=error.reason
    )


def _bracket(data: messages.Bracket | None) -> commands.Bracket | None:
    return None if data is None else commands.Bracket(data.trigger_price, data.price)
