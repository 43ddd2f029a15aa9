"""The runs of an account's model over REST: reading them, and asking for one."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Account, AccountAccess, Role, Scope, SessionToken, User
from accounts.selectors import visible_accounts
from trading.models import ModelRun
from trading.running.control import ask

MAX_ID = 2**63 - 1
TEXTS = ("prompt", "raw_reply")
"""What only those who may trade the account, and staff, are shown."""
FIELDS = (
    "id", "model", "trigger", "status", "error", "started_at", "finished_at", "endpoint", "llm", "template",
    "prompt_hash", "prompt_tokens", "completion_tokens", "attempts", "reserved", "cost", "latency_ms",
)  # fmt: skip


class CantRun(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "cant_run"


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200


class RunsView(APIView):
    def get(self, request: Request, account_id: int) -> Response:
        """List the runs of an account that the user may see, newest first."""
        account = _seen(request, account_id)
        whole = request.user.is_staff or _may_trade(request, account)
        names = (*FIELDS, *TEXTS) if whole else FIELDS
        rows = ModelRun.objects.filter(account=account).only("account_id", *names)
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([{name: getattr(row, name) for name in names} for row in page])


class DecideView(APIView):
    def post(self, request: Request, account_id: int) -> Response:
        """Ask for a run of the account's model; the engine begins it."""
        account = _seen(request, account_id)
        if not _may_trade(request, account):
            raise PermissionDenied("Only who may trade on the account, with a token of scope 'trade'.")
        now = timezone.now()
        user = request.user if isinstance(request.user, User) else None
        if why := ask([account.pk], now, user).get(account.pk):
            raise CantRun(why)
        return Response({"account_id": account.pk, "asked_at": now}, status=status.HTTP_202_ACCEPTED)


def _seen(request: Request, account_id: int) -> Account:
    user_id: Any = request.user.pk
    found = visible_accounts(user_id).filter(pk=account_id).first() if account_id <= MAX_ID else None
    if found is None:
        raise Http404(f"There is no account {account_id}.")
    return found


def _may_trade(request: Request, account: Account) -> bool:
    token = request.auth
    if isinstance(token, SessionToken) and token.scope != Scope.TRADE:
        return False
    user_id: Any = request.user.pk
    traders = AccountAccess.objects.filter(account=account, user_id=user_id, role=Role.TRADER)
    return bool(account.owner_id == user_id or traders.exists())
