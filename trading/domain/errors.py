"""What the exchange refuses, and why. Nothing has changed when one of these is raised.

    Rejection
    ├── UnknownSymbol
    ├── MarketUnavailable
    ├── AccountFrozen
    ├── InsufficientMargin
    ├── OrderRejected            with a `reason`
    ├── DuplicateClientOrderId
    ├── DuplicateClientDecisionId
    ├── NotFound
    ├── NotOpen
    ├── Forbidden
    ├── SessionExpired
    └── RateLimited              with `retry_after_ms`

Each carries the stable `code` of the wire protocol, one sentence that a person can act on, and the fields at fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class FieldProblem:
    path: str
    message: str


class Rejection(Exception):
    code = "order_rejected"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        fields: Sequence[FieldProblem] = (),
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.fields = tuple(fields)
        self.retry_after_ms = retry_after_ms


class UnknownSymbol(Rejection):
    code = "unknown_symbol"

    def __init__(self, symbol: str, known: Sequence[str]) -> None:
        message = f"{symbol!r:.40} is not traded here; choose one of {', '.join(known)}."
        super().__init__(message, fields=[FieldProblem("symbol", "is not traded here")])


class MarketUnavailable(Rejection):
    code = "market_unavailable"

    def __init__(self, symbol: str, why: str) -> None:
        super().__init__(f"{symbol} can't be traded now: {why}. Nothing was done; try again when prices flow.")


class AccountFrozen(Rejection):
    code = "account_frozen"

    def __init__(self) -> None:
        super().__init__("This account is frozen: orders can be canceled, but none can be placed. Ask the operator.")


class InsufficientMargin(Rejection):
    """`needed` and `available` in USDC."""

    code = "insufficient_margin"

    def __init__(self, needed: Decimal, available: Decimal) -> None:
        self.needed, self.available = needed, available
        super().__init__(
            f"The order needs {needed:f} USDC of margin and {available:f} are available; "
            "lower the size or raise the leverage.",
            reason="perp_margin_rejected",
            fields=[FieldProblem("size", "needs more margin than is available")],
        )


class OrderRejected(Rejection):
    """The order broke a rule of the venue. `reason` is one of the venue's names in snake_case."""


class DuplicateClientOrderId(Rejection):
    code = "duplicate_client_order_id"

    def __init__(self) -> None:
        super().__init__(
            "This client_order_id belongs to an earlier order with another body; choose a new one.",
            fields=[FieldProblem("client_order_id", "was used before with another body")],
        )


class DuplicateClientDecisionId(Rejection):
    code = "duplicate_client_decision_id"

    def __init__(self) -> None:
        super().__init__(
            "This client_decision_id belongs to an earlier decision with another body; choose a new one.",
            fields=[FieldProblem("client_decision_id", "was used before with another body")],
        )


class NotFound(Rejection):
    code = "not_found"


class NotOpen(Rejection):
    code = "not_open"

    def __init__(self, status: str) -> None:
        super().__init__(f"The order is already {status}; nothing more can be done with it.")


class Forbidden(Rejection):
    code = "forbidden"


class SessionExpired(Rejection):
    code = "session_expired"


class RateLimited(Rejection):
    """`kind`: what there was too much of, in the plural. `per_s`, `burst`: what the account may give."""

    code = "rate_limited"

    def __init__(self, kind: str, per_s: float, burst: int, retry_after_ms: int) -> None:
        super().__init__(
            f"Too many {kind} for this account, which may give {burst} at once and {per_s:g} a second; "
            f"nothing was done. Try again in {retry_after_ms} ms.",
            retry_after_ms=retry_after_ms,
        )
