"""Which pages may open a socket."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

Headers = list[tuple[bytes, bytes]]


def origin_allowed(headers: Headers) -> bool:
    """Tell whether a handshake may go on.

    Programs send no Origin and bring a token. A browser sends one: the page must come from an allowed host
    (`ALLOWED_HOSTS`, any port) or be named in `HYPERORU_ALLOWED_ORIGINS`.
    """
    origin = _header(headers, b"origin")
    if origin is None or origin in settings.HYPERORU_ALLOWED_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
        host = parts.hostname
    except ValueError:
        return False
    if host is None or parts.scheme not in ("http", "https"):
        return False
    return validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS)


def cookies_trusted(headers: Headers) -> bool:
    """Tell whether the cookies of a handshake may open a session: only those that a page of this very site sent.

    A page on another port or host name is another site, even where it may open a socket and bring a token. Trusted
    besides: the origins in `CSRF_TRUSTED_ORIGINS` and `HYPERORU_ALLOWED_ORIGINS`.
    """
    origin = _header(headers, b"origin")
    if origin is None or origin in (*settings.CSRF_TRUSTED_ORIGINS, *settings.HYPERORU_ALLOWED_ORIGINS):
        return True
    return urlsplit(origin).netloc == _header(headers, b"host")


def _header(headers: Headers, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)
