"""A key goes to its endpoint and nowhere else."""

import json
import logging
from dataclasses import asdict
from typing import Any

import pytest
from django.core import serializers

from tests.llm.endpoint import ChatServer, answer, chat_server, completion, say
from tests.llm.given import KEY, D, decided, entry, reply
from trading.agents import SettingsError, make_asker
from trading.agents.llm.endpoints import Endpoint, EndpointError, endpoint
from trading.models import ModelDecision

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://api.example.com/v1"


def test_the_key_is_sent_and_appears_nowhere_else(chat: ChatServer, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where the endpoint and the model repeat it."""
    caplog.set_level(logging.DEBUG)
    echoing = [
        say(reply(entry(reasoning=f"The key is {KEY}"))),
        say(reply(entry(**{KEY: "1"}))),
        say(reply(entry(KEY))),
        say(f"{KEY} is your key"),
        say(None, refusal=f"not with {KEY}"),
        answer(json.dumps({"error": {"message": f"Incorrect API key {KEY}"}}), 401),
        answer(f"Bearer {KEY}", 500),
        answer(KEY, content_type=KEY),
        answer(WHOLE_KEY),
    ]
    for behaviour in echoing:
        chat.requests.clear()
        it = decided(chat, behaviour)
        assert {each.headers["authorization"] for each in chat.requests} == {f"Bearer {KEY}"}
        stored = serializers.serialize("json", ModelDecision.objects.all())
        for text in (stored, repr(it.asked), str(asdict(it.asked)), caplog.text):
            assert KEY not in text
    assert "[key]" in stored


WHOLE_KEY = json.dumps({"choices": KEY})


SLASHED = "sk-live/0123+4567/89ab=="


@pytest.mark.parametrize(
    "written",
    [
        SLASHED,
        SLASHED.replace("/", "\\/"),
        SLASHED.replace("/", "\\\\\\/"),
        SLASHED.replace("+", "\\u002B").replace("=", "\\u003d"),
        "".join(f"\\u{ord(letter):04x}" for letter in SLASHED),
    ],
)
def test_the_key_is_withheld_however_json_writes_it(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("HYPERORU_LLM_DEFAULT_KEY", SLASHED)
    it = decided(chat, answer(f'{{"headers": {{"authorization": "Bearer {written}"}}}}', 400))
    assert it.asked.raw_reply == '{"headers": {"authorization": "Bearer [key]"}}'
    assert it.row.outcome == 'failed: the endpoint answered 400: {"headers": {"authorization": "Bearer [key]"}}'
    it = decided(chat, answer(completion("SAID").replace("SAID", f'{{\\"decisions\\": [\\"{written}\\"]}}')))
    assert "entry 1: it is not an object but" in it.asked.error
    assert "[key]" in it.asked.raw_reply
    assert "4567" not in str(asdict(it.asked))


@pytest.mark.parametrize("before", [275, 290])
def test_no_part_of_the_key_is_left_where_a_text_is_cut(chat: ChatServer, before: int) -> None:
    for behaviour in (say(None, refusal="x" * before + KEY), say(reply(entry(**{"x" * (before - 36) + KEY: 1})))):
        it = decided(chat, behaviour)
        assert it.row.status == "invalid"
        assert KEY[:6] not in str(asdict(it.asked))


@pytest.mark.parametrize("key", [SLASHED, 'it"has"quotes', "uuuu0075u0075"])
def test_any_key_is_withheld_and_no_text_takes_long(key: str) -> None:
    where = Endpoint("fast", URL, "m", key)
    text = json.dumps({"key": key})
    for _ in range(3):
        assert where.clean(text).replace("\\", "") in ('{"key": "[key]"}', '"{"key": "[key]"}"', '""{"key": "[key]"}""')
        text = json.dumps(text)
    for hostile in ("\\" * 200_000, key[:5] * 10_000, "\\u005c" * 50_000):
        assert where.without_key(hostile) == hostile


def test_what_is_refused_for_the_key_repeats_no_part_of_it(chat: ChatServer) -> None:
    it = decided(chat, answer(f"Incorrect API key provided: {KEY[:8]}***{KEY[-4:]}", 401))
    assert (it.asked.error, it.asked.raw_reply) == ("the endpoint answered 401", "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(chat: ChatServer, status: int) -> None:
    with chat_server() as elsewhere:
        it = decided(chat, answer("", status, location=f"{elsewhere.base_url}/chat/completions"))
        assert elsewhere.requests == []
    assert it.row.outcome == f"failed: the endpoint answered {status}, a redirect, which is not followed"
    assert len(chat.requests) == 1


def test_nothing_of_another_service_is_sent(chat: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "sk-of-another-service")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-another-service\nX-Secret: 1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    decided(chat, say(reply(entry())))
    monkeypatch.delenv("HYPERORU_LLM_DEFAULT_KEY")
    decided(chat, say(reply(entry())))
    with_key, without = chat.requests
    assert set(without.headers) <= {
        "host", "content-length", "content-type", "accept", "accept-encoding", "user-agent", "connection"
    }  # fmt: skip
    assert set(with_key.headers) == {*without.headers, "authorization"}
    assert with_key.headers["authorization"] == f"Bearer {KEY}"
    assert "another-service" not in str(chat.requests)


def environ(**values: str) -> dict[str, str]:
    given = {"BASE_URL": URL, "MODEL": "m", "KEY": KEY, **values}
    return {f"HYPERORU_LLM_FAST_{name}": value for name, value in given.items() if value}


def test_endpoints_are_named_by_the_environment() -> None:
    found = endpoint("fast", environ())
    assert found == Endpoint("fast", URL, "m", KEY)
    assert endpoint("fast", environ(KEY="")).key == ""
    assert str(found) == "fast (https://api.example.com)"
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"BASE_URL": ""}, "The endpoint fast is not there: HYPERORU_LLM_FAST_BASE_URL and HYPERORU_LLM_FAST_MODEL"),
        ({"MODEL": ""}, "The endpoint fast is not there"),
        ({"MODEL": "m" * 121}, "HYPERORU_LLM_FAST_MODEL is longer than 120 characters."),
        ({"BASE_URL": "file:///etc/passwd"}, "HYPERORU_LLM_FAST_BASE_URL must be a URL that begins with"),
        ({"BASE_URL": "ftp://example.com"}, "HYPERORU_LLM_FAST_BASE_URL must be a URL that begins with"),
        ({"BASE_URL": "example.com/v1"}, "HYPERORU_LLM_FAST_BASE_URL must be a URL that begins with"),
        ({"BASE_URL": "https://"}, "HYPERORU_LLM_FAST_BASE_URL must be a URL that begins with"),
        ({"BASE_URL": "https://example.com:no"}, "HYPERORU_LLM_FAST_BASE_URL is not a URL."),
        ({"BASE_URL": f"https://me:{KEY}@example.com"}, "HYPERORU_LLM_FAST_BASE_URL must have neither user"),
        ({"BASE_URL": f"{URL}?key={KEY}"}, "HYPERORU_LLM_FAST_BASE_URL must have neither user"),
        ({"KEY": f"{KEY}\r\nX: y"}, "HYPERORU_LLM_FAST_KEY must be printable ASCII without spaces and backslashes."),
        ({"KEY": f"{KEY}\\"}, "HYPERORU_LLM_FAST_KEY must be printable ASCII without spaces and backslashes."),
        ({"KEY": f"{KEY}é"}, "HYPERORU_LLM_FAST_KEY must be printable ASCII without spaces and backslashes."),
    ],
)
def test_an_endpoint_that_can_not_be_used_is_told_without_its_key(values: dict[str, str], told: str) -> None:
    with pytest.raises(EndpointError) as caught:
        endpoint("fast", environ(**values))
    assert str(caught.value).startswith(told)
    assert KEY not in str(caught.value)


def test_an_endpoint_that_is_not_there_ends_in_holds(chat: ChatServer) -> None:
    it = decided(chat, endpoint="slow")
    assert it.row.outcome.startswith("failed: The endpoint slow is not there: HYPERORU_LLM_SLOW_BASE_URL")
    assert (it.asked.status, it.asked.attempts, chat.requests) == ("failed", 0, [])


def test_a_base_url_that_only_the_library_refuses_ends_in_holds(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERORU_LLM_DEFAULT_BASE_URL", "http://exa mple.com/v1")
    it = decided(chat)
    assert it.row.status == "failed"
    assert it.orders == []


# Settings


GIVEN: dict[str, Any] = {"prompt_price": 0, "completion_price": 0}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"completion_price": 0}, "The setting 'prompt_price' must be given"),
        ({"prompt_price": "1"}, "The setting 'completion_price' must be given"),
        ({**GIVEN, "prompt_price": "1e9"}, "The setting 'prompt_price' must be given"),
        ({**GIVEN, "key": KEY}, "There is no setting 'key'"),
        ({**GIVEN, "endpoint": KEY}, "The setting 'endpoint' must be a name of lower case letters"),
        ({**GIVEN, "endpoint": 5}, "The setting 'endpoint' must be a string"),
        ({**GIVEN, "symbols": []}, "The setting 'symbols' must name at least one symbol"),
        ({**GIVEN, "symbols": ["BTC", "BTC"]}, "The setting 'symbols' must name at least one symbol, and none twice."),
        ({**GIVEN, "template": "../v1"}, "The setting 'template' must be one of v1"),
        ({**GIVEN, "structured": "xml"}, "The setting 'structured' must be one of json_schema, json_object, none."),
        ({**GIVEN, "tries": 6}, "The setting 'tries' must be from 1 to 5."),
        ({**GIVEN, "total_s": 0}, "The setting 'total_s' must be greater than 0 and at most 900."),
        ({**GIVEN, "max_reply_bytes": 10**9}, "The setting 'max_reply_bytes' must be from 1024 to 4194304."),
    ],
)
def test_settings_that_can_not_be_used_are_told_without_a_key(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_asker("llm", settings)
    assert str(caught.value).startswith(told)
    assert KEY not in str(caught.value)


def test_what_is_set_is_used(chat: ChatServer) -> None:
    decided(chat, say(reply(entry())), max_tokens=500, max_tokens_field="max_completion_tokens")
    [asked] = chat.requests
    assert (asked.path, asked.body["model"]) == ("/v1/chat/completions", "loopback")
    assert asked.body["max_completion_tokens"] == 500
    assert "max_tokens" not in asked.body
    assert make_asker("llm", {**GIVEN, "bars": 7}).bars_needed == 7
    assert make_asker("llm", {**GIVEN, "symbols": ["ETH"]}).symbols == ("ETH",)
    assert D(0) == decided(chat, say(""), **GIVEN).asked.cost
