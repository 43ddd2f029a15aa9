"""What is told where a model could not be asked: that it holds, and why."""

from typing import Any

from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action, DecisionStatus
from trading.running.claims import plain


def failed_hold(model: str, symbol: str, why: str, identity: str, **values: Any) -> SubmitDecision:
    """Return a decision to hold because the model could not be asked."""
    why = plain(why)
    return SubmitDecision(
        model=model,
        symbol=symbol,
        action=Action.HOLD,
        reasoning=f"No decision: {why}",
        client_decision_id=identity,
        status=DecisionStatus.FAILED,
        outcome=f"failed: {why}",
        **values,
    )
