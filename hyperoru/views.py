from collections.abc import Callable
from functools import wraps
from typing import cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.selectors import may_act_as
from trading.selectors import TIMEFRAMES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
View = Callable[..., HttpResponseBase]


def content_security_policy(view: View) -> View:
    """Let a page load and run only what this server serves; nothing inline."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return guarded


login = content_security_policy(LoginView.as_view(template_name="login.html", redirect_authenticated_user=True))


@never_cache
@content_security_policy
@login_required
def dashboard(request: HttpRequest, account_id: int | None = None) -> HttpResponse:
    """Serve the page of all views; which one an address names, and what it shows, the page finds out itself."""
    user = cast(User, request.user)
    return render(request, "dashboard.html", {"timeframes": TIMEFRAMES, "may_act_as": may_act_as(user)})
