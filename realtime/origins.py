"""Which pages may open a socket."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host


def origin_allowed(headers: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether a handshake may go on.

    Programs send no Origin and bring a token. A browser sends one, and its cookies with it: the page must come from an
    allowed host (`ALLOWED_HOSTS`) or be named in `HYPERORU_ALLOWED_ORIGINS`.
    """
    origin = next((value.decode("latin-1") for name, value in headers if name == b"origin"), None)
    if origin is None or origin in settings.HYPERORU_ALLOWED_ORIGINS:
        return True
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return False
    if host is None:
        return False
    return validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS)
