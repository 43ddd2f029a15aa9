"""Static files over the real server: compressed, and sent once."""

import gzip
import logging
from http.client import HTTPConnection, HTTPResponse

import pytest
from django.test import Client

from tests.serving import Server

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/static/js/views/ticket/form.js"


def asked(connection: HTTPConnection, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, PATH, headers={"Accept-Encoding": "gzip", **named})
    response = connection.getresponse()
    return response, response.read()


def test_a_file_is_sent_compressed_and_not_again(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    connection = HTTPConnection("127.0.0.1", server.port)
    whole, body = asked(connection)
    assert (whole.status, whole.headers["Content-Encoding"]) == (200, "gzip")
    assert "Accept-Encoding" in whole.headers["Vary"]
    assert len(body) < len(gzip.decompress(body)) / 2
    with caplog.at_level(logging.ERROR):
        for known in (
            {"If_None_Match": whole.headers["ETag"]},
            {"If_None_Match": whole.headers["ETag"].removeprefix("W/")},
            {"If_Modified_Since": whole.headers["Last-Modified"]},
        ):
            again, nothing = asked(connection, **known)
            assert (again.status, nothing) == (304, b"")
            assert connection.sock is not None  # the server failed at none of them
    assert asked(connection, If_None_Match='"another"')[0].status == 200
    assert not caplog.records
    connection.close()


def test_a_part_of_a_file_is_that_part(server: Server) -> None:
    connection = HTTPConnection("127.0.0.1", server.port)
    whole = gzip.decompress(asked(connection)[1])
    part, body = asked(connection, Range="bytes=3-12")
    assert (part.status, part.headers["Content-Encoding"], body) == (206, None, whole[3:13])
    head, nothing = asked(connection, "HEAD")
    assert (head.status, nothing) == (200, b"")
    connection.close()


def test_pages_are_compressed_for_who_takes_it() -> None:
    page = Client().get("/login/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert b"<html" in gzip.decompress(page.content)
    assert "Content-Encoding" not in Client().get("/login/").headers
