"""Compressing answers, and static files that are asked for again."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware


class Compressed(GZipMiddleware):
    """Compress whole answers only.

    Django's own also makes a body of what has none ("not modified"), at which the server fails, and compresses a part
    of a file that was asked for by its bytes.
    """

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        if response.status_code != 200:
            return response
        return super().process_response(request, response)


class StaticFiles(WhiteNoiseMiddleware):
    """Serve static files, and none that the browser has already.

    A compressed answer has a weak ETag; WhiteNoise knows only its own, so it would send every file anew each time.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        tag = request.META.get("HTTP_IF_NONE_MATCH")
        if tag is not None and request.path_info.startswith(self.static_prefix):
            request.META["HTTP_IF_NONE_MATCH"] = tag.removeprefix("W/")
        return super().__call__(request)
