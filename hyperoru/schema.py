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
HOST = "host.invalid"
"""Stands for the host in what is kept: clients can make up ports, and building is not cheap."""


@dataclass(frozen=True, slots=True)
class Served:
    """A body as it is served, with its tag."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Place:
    """All that the document depends on beside the code and the host."""

    secure: bool
    limits: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, request: HttpRequest) -> "Place":
        return cls(request.is_secure(), tuple(limits().items()))

    def document(self) -> Document:
        return build(host=HOST, secure=self.secure, cookie=settings.SESSION_COOKIE_NAME, limits=dict(self.limits))


@lru_cache(4)
def _json(place: Place) -> Served:
    return _served(msgspec.json.encode(place.document()))


@lru_cache(4)
def _page(place: Place) -> Served:
    return _served(render_to_string("schema.html", {"page": Page(place.document())}).encode())


def _served(body: bytes) -> Served:
    return Served(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _at(served: Served, host: str) -> Served:
    """Return a body for a host, which Django has checked: it holds nothing that JSON or HTML would escape."""
    tag = hashlib.sha256(host.encode()).hexdigest()[:8]
    return Served(served.body.replace(HOST.encode(), host.encode()), f'{served.etag[:-1]}-{tag}"')


def _wants_page(request: HttpRequest) -> bool:
    return request.get_preferred_type([JSON, ASYNCAPI, HTML]) == HTML


def _in_json(request: HttpRequest) -> Served:
    return _at(_json(Place.of(request)), request.get_host())


def _as_wanted(request: HttpRequest) -> Served:
    made = (_page if _wants_page(request) else _json)(Place.of(request))
    return _at(made, request.get_host())


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
        return HttpResponse(_as_wanted(request).body, content_type=f"{HTML}; charset=utf-8")
    return schema_json(request)
