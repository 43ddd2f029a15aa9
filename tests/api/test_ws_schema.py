"""The WebSocket's schema over HTTP: a page for people, AsyncAPI for programs."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client, override_settings

from realtime.handlers import ROUTES
from realtime.protocol import channels, errors
from realtime.protocol.events import EVENTS

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def page() -> str:
    return Client().get("/ws/schema/", headers=BROWSER).content.decode()


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, name: str) -> list[str]:
        """Return the values of an attribute, wherever it stands."""
        return [value for _, attributes in self.found if (value := attributes.get(name)) is not None]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/vnd.aai.asyncapi+json", "application/json"),
        ("image/png", "application/json"),
        (BROWSER["Accept"], "text/html; charset=utf-8"),
        ("application/json;q=0.5, text/html", "text/html; charset=utf-8"),
    ],
)
def test_programs_get_the_document_and_browsers_the_page(accept: str | None, kind: str) -> None:
    response = Client().get("/ws/schema/", headers={} if accept is None else {"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
    assert "Accept" in response.headers["Vary"]


@pytest.mark.parametrize(("secure", "protocol"), [(False, "ws"), (True, "wss")])
def test_the_document_names_the_host_that_was_asked(secure: bool, protocol: str) -> None:
    for path in ("/ws/schema/", "/ws/schema.json"):
        with override_settings(ALLOWED_HOSTS=["floor.example"]):
            document = Client().get(path, secure=secure, headers={"Host": "floor.example:81"}).json()
        server = document["servers"]["this"]
        assert (server["protocol"], server["host"]) == (protocol, "floor.example:81")


def test_a_host_that_is_not_ours_gets_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert Client().get("/ws/schema.json", headers={"Host": "evil.example"}).status_code == 400


def test_the_limits_are_those_of_now(settings: Any) -> None:
    settings.HYPERORU_MAX_IN_FLIGHT = 7
    document = Client().get("/ws/schema.json").json()
    assert document["servers"]["this"]["x-limits"]["max_in_flight"]["value"] == 7


@pytest.mark.parametrize(("path", "headers"), [("/ws/schema/", BROWSER), ("/ws/schema/", {}), ("/ws/schema.json", {})])
def test_who_has_the_newest_is_told_so(path: str, headers: dict[str, str]) -> None:
    response = Client().get(path, headers=headers)
    assert "max-age" in response.headers["Cache-Control"]
    again = Client().get(path, headers={**headers, "If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().head(path, headers=headers).status_code == 200
    assert Client().post(path, headers=headers).status_code == 405


def test_a_page_of_another_site_may_read_the_document() -> None:
    assert Client().get("/ws/schema.json").headers["Access-Control-Allow-Origin"] == "*"


def test_the_page_runs_and_loads_nothing_but_our_own() -> None:
    response = Client().get("/ws/schema/", headers=BROWSER)
    policy = response.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy.split("; "))
    tags = Tags(response.content.decode())
    assert not [tag for tag, _ in tags.found if tag in ("script", "style", "iframe")]
    assert tags.all("style") == []
    assert [link for link in tags.all("src") + tags.all("href") if re.match(r"\w+:|//", link)] == []


def test_the_page_has_all_that_the_document_has() -> None:
    text = page()
    ids = set(Tags(text).all("id"))
    assert {*ROUTES, "ping", *EVENTS, "error"} <= ids
    for name in [*errors.CODES, *errors.CLOSE_CODES, *channels.CHANNELS]:
        assert f"<code>{name}</code>" in text, name


def test_every_link_of_the_page_leads_somewhere_and_no_id_is_there_twice() -> None:
    tags = Tags(page())
    ids = tags.all("id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in tags.all("href") if link.startswith("#")} <= set(ids)
    assert set(tags.all("aria-labelledby")) <= set(ids)


def test_the_page_can_be_read_by_its_headings_and_landmarks() -> None:
    found = [tag for tag, _ in Tags(page()).found]
    assert (found.count("h1"), found.count("main"), found.count("nav"), found.count("header")) == (1, 1, 1, 1)
    levels = [int(tag[1]) for tag in found if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
