"""`submit_decision` and `place_order` over HTTP: their fields, replies and errors are those of the socket."""

from typing import Any, TypeVar, cast

import msgspec
from django.conf import settings
from django.http import HttpResponse
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import SessionToken, User
from realtime import wire
from realtime.handlers.asked import decision_asked, order_asked, refusal
from realtime.handlers.trading import ANSWERED_WITHIN_S, unknown
from realtime.protocol import messages
from realtime.protocol.codec import decode
from realtime.protocol.errors import FieldError, ProtocolError, unavailable
from trading.api.authentication import SessionTokenAuthentication
from trading.authority import Actor
from trading.desk import Done, desk
from trading.desk import Request as Asked
from trading.domain.commands import Command
from trading.domain.errors import Rejection

T = TypeVar("T", bound=messages.Request)
STATUSES = {
    "bad_json": 400,
    "bad_request": 400,
    "unauthorized": 401,
    "session_expired": 401,
    "forbidden": 403,
    "not_found": 404,
    "duplicate_client_order_id": 409,
    "duplicate_client_decision_id": 409,
    "account_frozen": 409,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
    "market_unavailable": 503,
    "execution_unknown": 504,
}
"""By error code; the rest is 422: the exchange refuses it."""


class TradingView(APIView):
    """Gives a request to the desk as the socket does. With a session token only: it says what may be done."""

    authentication_classes = [SessionTokenAuthentication]
    kind = ""

    def handle_exception(self, exc: Exception) -> Any:
        """Answer with the socket's error."""
        if isinstance(exc, NotAuthenticated | AuthenticationFailed):
            exc = ProtocolError("unauthorized", str(exc.detail))
        if not isinstance(exc, ProtocolError):
            return super().handle_exception(exc)
        response = _json(exc.data(self.kind), STATUSES.get(exc.code, 422))
        if exc.code == "unauthorized":
            response["WWW-Authenticate"] = "Token"
        if exc.retry_after_ms is not None:
            response["Retry-After"] = str(-(-exc.retry_after_ms // 1_000))
        return response

    def done(self, request: Request, account_id: int, command: Command) -> Done:
        """Give a command to the desk and return what was done; raise its refusal in the protocol's words."""
        token, user = cast(SessionToken, request.auth), cast(User, request.user)
        future = desk.submit(Asked(account_id, command, Actor(token.pk, user.pk, user.pk)))
        try:
            answer = future.result(ANSWERED_WITHIN_S)
        except TimeoutError:
            if future.cancel():
                raise unavailable() from None
            if not future.done():
                raise unknown() from None
            answer = future.result()
        if isinstance(answer, Rejection):
            raise refusal(answer)
        return answer


class DecisionsView(TradingView):
    kind = "submit_decision"

    def post(self, request: Request, account_id: int) -> HttpResponse:
        """Submit a decision."""
        data = _data(messages.SubmitDecision, request, account_id)
        done = self.done(request, account_id, decision_asked(data, request.user.get_username()))
        return _answered(wire.decision_submitted(done.decision_id, data.client_decision_id, duplicate=done.duplicate))


class OrdersView(TradingView):
    kind = "place_order"

    def post(self, request: Request, account_id: int) -> HttpResponse:
        """Place an order."""
        data = _data(messages.PlaceOrder, request, account_id)
        done = self.done(request, account_id, order_asked(data))
        return _answered(wire.order_placed(done.orders[0], duplicate=done.duplicate))


def _data(struct: type[T], request: Request, account_id: int) -> T:
    """Decode the body as the `data` of the socket's request, to which the path adds the account."""
    body = request.body
    if len(body) > settings.HYPERORU_MAX_FRAME_BYTES:
        raise ProtocolError("bad_request", f"The body may have {settings.HYPERORU_MAX_FRAME_BYTES} bytes at most.")
    try:
        given = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise ProtocolError("bad_request", "The body must be a JSON object.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise ProtocolError("bad_json", "The body is not JSON.") from None
    if "account_id" in given:
        problem = FieldError("account_id", "stands in the path; leave it out")
        raise ProtocolError("bad_request", "account_id stands in the path; leave it out.", fields=[problem])
    return decode(struct, msgspec.json.encode({**given, "account_id": account_id}))


def _answered(reply: messages.OrderPlaced | messages.DecisionSubmitted) -> HttpResponse:
    return _json(reply, 200 if reply.duplicate else 201)


def _json(data: object, status: int) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(data), content_type="application/json", status=status)
