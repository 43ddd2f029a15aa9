"""Whatever an endpoint does, it ends in decisions to hold that say what happened: in time, and without an order."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from tests.llm.endpoint import Behaviour, ChatServer, answer, completion, drip, flood, half, hang_up, say, silence
from tests.llm.given import Decided, decided, entry, reply
from trading.agents.llm.client import _wait, retry_after

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = say(reply(entry()))


def assert_failed(it: Decided, told: str) -> None:
    """A failed run: holds that say why, stored, and no order."""
    assert {(row.decision, row.status) for row in it.rows} == {("hold", "failed")}
    assert it.rows[0].outcome.startswith(f"failed: {told}"), it.rows[0].outcome
    assert (it.asked.status, it.orders) == ("failed", [])
    assert f"failed: {it.asked.error}" == it.rows[0].outcome


def test_a_rate_limit_is_waited_for_as_long_as_it_says(chat: ChatServer) -> None:
    began = time.monotonic()
    it = decided(chat, answer('{"error": {"message": "slow"}}', 429, retry_after="1"), GOOD)
    assert time.monotonic() - began >= 1
    assert (it.row.status, it.asked.attempts) == ("accepted", 2)
    assert it.asked.cost == Decimal("0.0045")  # 1000 * 2.5e-6 + 200 * 10e-6: the refused try costs nothing


def test_a_rate_limit_that_lasts_longer_than_there_is_time_is_not_waited_for(chat: ChatServer) -> None:
    it = decided(chat, answer("slow down", 429, retry_after="3600"))
    assert_failed(it, "the endpoint answered 429: slow down; 36")
    assert (len(chat.requests), it.asked.cost) == (1, 0)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_failing_endpoint_is_tried_a_bounded_number_of_times(chat: ChatServer, status: int) -> None:
    it = decided(chat, answer("oops", status), symbols=("BTC", "ETH"))
    assert_failed(it, f"the endpoint answered {status}: oops, after 3 tries")
    assert (len(chat.requests), it.asked.attempts, it.asked.raw_reply) == (3, 3, "oops")
    assert bool(it.asked.cost) == (status == 502)  # whoever did not wait does not know what it cost


def test_an_endpoint_that_recovers_is_heard(chat: ChatServer) -> None:
    it = decided(chat, answer("oops", 500), hang_up, GOOD)
    assert (it.row.status, it.asked.attempts, it.asked.error) == ("accepted", 3, "")
    assert len(it.orders) == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 413, 422])
def test_what_is_refused_is_not_asked_again(chat: ChatServer, status: int) -> None:
    it = decided(chat, answer('{"error": {"message": "no"}}', status))
    assert_failed(it, f"the endpoint answered {status}")
    assert (len(chat.requests), it.asked.cost) == (1, 0)


def test_an_endpoint_that_refuses_a_format_is_asked_in_a_simpler_one(chat: ChatServer) -> None:
    no_schema = answer('{"error": {"message": "response_format json_schema is not supported"}}', 400)
    no_object = answer('{"error": {"message": "unknown field response_format"}}', 422)
    it = decided(chat, no_schema, no_object, GOOD, tries=1)
    assert (it.row.status, it.asked.attempts) == ("accepted", 3)
    asked = [each.body.get("response_format", {}).get("type") for each in chat.requests]
    assert asked == ["json_schema", "json_object", None]
    assert it.asked.cost == Decimal("0.0045")


def test_an_endpoint_that_refuses_every_format_is_given_up(chat: ChatServer) -> None:
    it = decided(chat, answer("response_format", 400))
    assert_failed(it, "the endpoint answered 400: response_format, after 3 tries")


def test_half_a_body_is_no_answer(chat: ChatServer) -> None:
    it = decided(chat, half(completion(reply(entry()))))
    assert_failed(it, "the connection broke before the answer was whole (RemoteProtocolError), after 3 tries")
    assert len(chat.requests) == 3
    assert it.asked.cost > 3 * 4000 * Decimal("0.00001")  # it may have been billed, three times


def test_half_a_stream_is_no_answer(chat: ChatServer) -> None:
    events = 'data: {"choices": [{"delta": {"content": "{\\"decisions\\": ["}}]}\n\n'
    it = decided(chat, answer(events, content_type="text/event-stream"))
    assert_failed(it, "the endpoint answered text/event-stream, not JSON")


def test_silence_ends(chat: ChatServer) -> None:
    it = decided(chat, silence, read_s="0.2", tries=2)
    assert_failed(it, "the endpoint was silent for 0.2 s, after 2 tries")
    assert len(chat.requests) == 2
    assert it.asked.cost > 0


def test_silence_ends_at_the_deadline_at_the_latest(chat: ChatServer) -> None:
    it = decided(chat, silence, read_s="30", total_s="0.5")
    assert_failed(it, "no answer within 0.5 s, in 1 try")


def test_an_answer_that_drips_ends_at_the_deadline(chat: ChatServer) -> None:
    it = decided(chat, drip, read_s="30", total_s="0.5")
    assert_failed(it, "no answer within 0.5 s, in 1 try")


def test_nobody_there(chat: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERORU_LLM_DEFAULT_BASE_URL", "http://127.0.0.1:1/v1")
    it = decided(chat)
    assert_failed(it, "the endpoint can't be reached, after 3 tries")
    assert (chat.requests, it.asked.cost) == ([], 0)


@pytest.mark.parametrize("status", [200, 500])
def test_an_endless_answer_is_not_read_to_its_end(chat: ChatServer, status: int) -> None:
    it = decided(chat, flood(status), max_reply_bytes=100_000)
    assert_failed(it, "the answer is larger than 100000 bytes")
    assert len(chat.requests) == 1


def test_a_huge_answer_is_not_read_at_all(chat: ChatServer) -> None:
    it = decided(chat, say(" " * 2_000), max_reply_bytes=1_024)
    assert_failed(it, "the answer is larger than 1024 bytes")
    assert it.asked.raw_reply == ""


def test_a_compressed_answer_is_not_unpacked(chat: ChatServer) -> None:
    it = decided(chat, answer(b"\x1f\x8b", content_encoding="gzip"))
    assert_failed(it, "the answer is compressed, which it was not asked to be")
    assert chat.requests[0].headers["accept-encoding"] == "identity"


WHOLE = completion(reply(entry()))
NO_COMPLETIONS: list[tuple[Behaviour, str]] = [
    (answer("<html>login</html>", content_type="text/html"), "the endpoint answered text/html, not JSON"),
    (answer(WHOLE, content_type="text/plain; charset=utf-8"), "the endpoint answered text/plain, not JSON"),
    (answer(WHOLE, content_type=None), "the endpoint answered no content type, not JSON"),
    (answer(""), "the endpoint's answer is not a chat completion: "),
    (answer("[]"), "the endpoint's answer is not a chat completion: Expected `object`, got `array`"),
    (answer("{}"), "the endpoint's answer is not a chat completion: Object missing required field `choices`"),
    (answer('{"choices": [{}]}'), "the endpoint's answer is not a chat completion: Object missing required field"),
    (answer('{"choices": []}'), "the endpoint's answer has 0 choices, not one"),
    (answer('{"choices": [{"message": {"content": [1]}}]}'), "the endpoint's answer is not a chat completion: "),
    (answer(WHOLE.replace("1340", "\ud83d", 1).encode("utf-8", "surrogatepass")), "the endpoint's answer is not a"),
    (answer(b'{"choices"\xff\xfe'), "the endpoint's answer is not a chat completion: "),
    (answer("[" * 100_000), "the endpoint's answer is not a chat completion: "),
    (answer("", 204), "the endpoint's answer is not a chat completion: "),
    (answer(b"\xff", 400, "text/plain; charset=base64"), "the endpoint answered 400"),
    (answer("{}", 400, "application/json; charset=idna"), "the endpoint answered 400"),
]


@pytest.mark.parametrize(("behaviour", "told"), NO_COMPLETIONS)
def test_what_is_no_completion_is_told_and_not_asked_again(chat: ChatServer, behaviour: Any, told: str) -> None:
    it = decided(chat, behaviour)
    assert_failed(it, told)
    assert len(chat.requests) == 1


def test_an_answer_without_usage_counts_as_the_longest(chat: ChatServer) -> None:
    without, with_ = decided(chat, say(reply(entry()), tokens=None)), decided(chat, GOOD)
    assert (without.asked.prompt_tokens, with_.asked.prompt_tokens) == (None, 1000)
    assert without.asked.cost > with_.asked.cost
    odd = decided(chat, say(reply(entry()), tokens=(-5, "many")))
    assert (odd.row.status, odd.asked.prompt_tokens) == ("accepted", None)
    assert odd.asked.cost == without.asked.cost


def test_no_thread_outlives_a_run(chat: ChatServer) -> None:
    decided(chat, GOOD)
    before = threading.active_count()
    decided(chat, silence, total_s="0.3", tries=1)
    assert not [each for each in threading.enumerate() if each.name.startswith("asyncio")]
    assert threading.active_count() <= before + 1  # the server's own


def test_waiting_doubles_and_differs_and_is_never_shorter_than_asked() -> None:
    for tried in range(1, 12):
        waits = [_wait(None, 1.0, tried) for _ in range(50)]
        most = min(2.0 ** (tried - 1), 30.0)
        assert most / 2 <= min(waits) < max(waits) <= most
    assert min(_wait(7.5, 1.0, 1) for _ in range(50)) >= 7.5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2.0), (" 0.5 ", 0.5), ("0", 0.0), (None, None), ("", None), ("soon", None), ("-1", None), ("nan", None)],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_as_a_date() -> None:
    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert soon is not None
    assert 90 < soon <= 100
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0
