"""The WebSocket's schema over HTTP: AsyncAPI for programs, a page for people. Made once, and kept."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe
from django.views.decorators.vary import vary_on_headers

from hyperoru.views import content_security_policy
from realtime.asyncapi.document import Document, build
from realtime.asyncapi.page import Page
from realtime.handlers.sessions import limits

ASYNCAPI = "application/vnd.aai.asyncapi+json"
JSON = "application/json"
HTML = "text/html"
FRESH_S = 60
HOSTS = 32
"""How many hosts' documents are kept: a server has few names, but its clients may make some up."""


@dataclass(frozen=True, slots=True)
class Served:
    """A body as it is served, with its tag."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Place:
    """All that the document depends on beside the code."""

    host: str
    secure: bool
    limits: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, request: HttpRequest) -> "Place":
        return cls(request.get_host(), request.is_secure(), tuple(limits().items()))

    def document(self) -> Document:
        return build(host=self.host, secure=self.secure, cookie=settings.SESSION_COOKIE_NAME, limits=dict(self.limits))


@lru_cache(HOSTS)
def _json(place: Place) -> Served:
    return _served(msgspec.json.encode(place.document()))


@lru_cache(HOSTS)
def _page(place: Place) -> Served:
    return _served(render_to_string("schema.html", {"page": Page(place.document())}).encode())


def _served(body: bytes) -> Served:
    return Served(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _wants_page(request: HttpRequest) -> bool:
    return request.get_preferred_type([JSON, ASYNCAPI, HTML]) == HTML


def _in_json(request: HttpRequest) -> Served:
    return _json(Place.of(request))


def _as_wanted(request: HttpRequest) -> Served:
    return (_page if _wants_page(request) else _json)(Place.of(request))


@require_safe
@cache_control(public=True, max_age=FRESH_S)
@condition(etag_func=lambda request: _in_json(request).etag)
def schema_json(request: HttpRequest) -> HttpResponse:
    """Serve the document. Pages of other sites may read it too: it holds no secret and needs no cookie."""
    response = HttpResponse(_in_json(request).body, content_type=JSON)
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
@vary_on_headers("Accept")
@cache_control(public=True, max_age=FRESH_S)
@content_security_policy
@condition(etag_func=lambda request: _as_wanted(request).etag)
def schema(request: HttpRequest) -> HttpResponse:
    """Serve the page to browsers, and the document to programs."""
    if _wants_page(request):
        return HttpResponse(_page(Place.of(request)).body, content_type=f"{HTML}; charset=utf-8")
    return schema_json(request)
