"""Errors on the wire: stable codes, one sentence a person can act on, and the fields at fault."""

from collections.abc import Sequence

import msgspec

CODES = {
    "bad_json": "The frame is not JSON, or nested too deeply.",
    "bad_request": "The message lacks something or holds something wrong; `fields` lists it all.",
    "unknown_type": "There is no such message.",
    "unauthorized": "`connect` first, or the token is wrong.",
    "session_expired": "The session's token expired or was revoked.",
    "forbidden": "The session may see this but not do it.",
    "not_found": "There is no such thing, or the session may not see it.",
    "unknown_channel": "There is no such channel.",
    "unknown_symbol": "The symbol is not traded here.",
    "duplicate_client_order_id": "The `client_order_id` was used before with another body.",
    "duplicate_client_decision_id": "The `client_decision_id` was used before with another body.",
    "order_rejected": "The order breaks a rule of the exchange; `reason` names it.",
    "insufficient_margin": "The account has not enough free margin.",
    "account_frozen": "The account is frozen.",
    "market_unavailable": "There is no price, or only a stale one.",
    "not_open": "The order is already finished.",
    "rate_limited": "Too many messages, orders or cancels; see `retry_after_ms`. Or too many sockets; then it is null.",
    "too_many_in_flight": "Too many requests are unanswered; see `retry_after_ms`.",
    "restarting": "The server is shutting down; reconnect.",
    "unavailable": "A dependency is down; nothing was done.",
    "execution_unknown": "The outcome could not be read back: ask by `client_order_id`.",
    "internal": "The server failed; it has been logged.",
}

CLOSE_SHUTTING_DOWN = 4001
CLOSE_SESSION_EXPIRED = 4005
CLOSE_TOO_SLOW = 4008
CLOSE_TOO_MANY_REQUESTS = 4013
CLOSE_BAD_TOKEN = 4500
CLOSE_MALFORMED = 4501
CLOSE_NO_CONNECT = 4502
CLOSE_TOO_MANY_SOCKETS = 4504
CLOSE_REVOKED = 4507
CLOSE_TOO_BIG = 1009
RECONNECT_BELOW = 4500
"""Close codes below this ask a client to connect again, after a pause; the others not to, until something changed."""

CLOSE_CODES = {
    CLOSE_TOO_BIG: "A frame was larger than `max_frame_bytes`.",
    1011: "No pong came in time, or the server failed.",
    1012: "The server is stopping or restarting.",
    CLOSE_SHUTTING_DOWN: "The server is stopping; `server_shutdown` told how long to wait.",
    CLOSE_SESSION_EXPIRED: "The session expired, or access to an account that it follows was withdrawn.",
    CLOSE_TOO_SLOW: "More than `max_queued_bytes` waited for a slow reader, or a stream's history changed: `resume`.",
    CLOSE_TOO_MANY_REQUESTS: "Too many messages, sent on regardless of `rate_limited`.",
    CLOSE_BAD_TOKEN: "Five wrong tokens.",
    CLOSE_MALFORMED: "Malformed frames, over and over.",
    CLOSE_NO_CONNECT: "No `connect` in time.",
    CLOSE_TOO_MANY_SOCKETS: "Too many sockets of one address.",
    CLOSE_REVOKED: "The token was revoked, or the browser logged out.",
}


class FieldError(msgspec.Struct, frozen=True):
    """A field of the request that is wrong, and what is wrong with it."""

    path: str
    message: str


class ErrorData(msgspec.Struct, frozen=True):
    """Why a request was not carried out. `reason` is there for orders that the exchange refused."""

    code: str
    message: str
    in_reply_to: str | None = None
    fields: tuple[FieldError, ...] = ()
    retry_after_ms: int | None = None
    reason: str | msgspec.UnsetType = msgspec.UNSET


class ProtocolError(Exception):
    """A request that is answered with an `error` frame."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: Sequence[FieldError] = (),
        retry_after_ms: int | None = None,
        reason: str | None = None,
    ) -> None:
        assert code in CODES, code
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = tuple(fields)
        self.retry_after_ms = retry_after_ms
        self.reason = reason

    def data(self, in_reply_to: str | None) -> ErrorData:
        return ErrorData(
            code=self.code,
            message=self.message,
            in_reply_to=in_reply_to,
            fields=self.fields,
            retry_after_ms=self.retry_after_ms,
            reason=self.reason or msgspec.UNSET,
        )


def unavailable() -> ProtocolError:
    """Return the error of a request that a dependency keeps from being carried out."""
    return ProtocolError("unavailable", "The database can't be reached; nothing was done. Try again.")
