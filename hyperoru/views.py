from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
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
def dashboard(request: HttpRequest) -> HttpResponse:
    """Serve the live page; what it shows comes over the socket."""
    return render(request, "dashboard.html")
