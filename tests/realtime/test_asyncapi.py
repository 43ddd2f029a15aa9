"""The AsyncAPI document has all that the code has, and says of frames what the decoder does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from jsonschema import Draft7Validator

from realtime.asyncapi import frames
from realtime.asyncapi.document import build
from realtime.asyncapi.exchanges import exchanges
from realtime.handlers import ROUTES, Route, sessions
from realtime.protocol import channels, errors, events, glossary, messages
from realtime.protocol.codec import decode, encode, encode_event, open_frame
from realtime.protocol.errors import ProtocolError
from tests.realtime.contract import Contract

Document = dict[str, Any]
PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "protocol.md").read_text()
FRAMES = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


def made() -> Document:
    document = build(host="hyperoru.test:8080", secure=True, cookie="sessionid", limits=sessions.limits())
    plain: Document = json.loads(msgspec.json.encode(document))
    return plain


DOCUMENT = made()
CONTRACT = Contract(DOCUMENT)
OPERATIONS = DOCUMENT["operations"]
MESSAGES = DOCUMENT["components"]["messages"]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def resolved(reference: str) -> Any:
    part: Any = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        part = part[key]
    return part


# What AsyncAPI 3 asks of any document


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 50
    for reference in found:
        assert reference.startswith("#/")
        assert resolved(reference), reference


def test_the_document_has_the_parts_that_asyncapi_requires() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert set(DOCUMENT["info"]) >= {"title", "version", "description"}
    assert DOCUMENT["servers"]["this"] | {"x-limits": {}, "description": ""} == {
        "host": "hyperoru.test:8080", "protocol": "wss", "description": "", "x-limits": {},
    }  # fmt: skip
    assert DOCUMENT["channels"]["ws"]["address"] == "/ws"
    for section in ("operations", "channels", "servers"):
        assert all(re.fullmatch(r"[\w.-]+", key) for key in DOCUMENT[section])
    for section in DOCUMENT["components"].values():
        assert all(re.fullmatch(r"[\w.-]+", key) for key in section)


def test_every_operation_speaks_of_messages_of_its_channel_and_every_message_is_spoken_of() -> None:
    spoken: set[str] = set()
    for operation in OPERATIONS.values():
        assert operation["action"] in ("send", "receive")
        reply = operation.get("reply", {"channel": operation["channel"], "messages": []})
        for part in (operation, reply):
            assert part["channel"] == {"$ref": "#/channels/ws"}
            for message in part["messages"]:
                assert message["$ref"].startswith("#/channels/ws/messages/")
                spoken.add(resolved(message["$ref"])["$ref"].rpartition("/")[2])
    assert spoken == set(MESSAGES) == set(DOCUMENT["channels"]["ws"]["messages"])


@pytest.mark.parametrize("name", MESSAGES)
def test_every_payload_is_a_json_schema(name: str) -> None:
    Draft7Validator.check_schema(MESSAGES[name]["payload"])
    assert MESSAGES[name]["summary"]
    assert MESSAGES[name]["examples"]


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_one_and_tells_what_each_field_means(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    Draft7Validator.check_schema(schema)
    assert [field for field, each in schema.get("properties", {}).items() if not each.get("description")] == []
    assert r"\Z" not in json.dumps(schema), "only Python knows it"


# What the code has


def test_every_request_has_an_operation_with_its_reply() -> None:
    asked = {name: each for name, each in OPERATIONS.items() if "reply" in each}
    assert set(asked) == {*ROUTES, "ping"}
    for exchange in exchanges():
        operation = asked[exchange.kind]
        assert operation["action"] == "receive"
        assert operation["messages"] == [{"$ref": f"#/channels/ws/messages/{exchange.kind}_request"}]
        assert operation["reply"]["messages"] == [
            {"$ref": f"#/channels/ws/messages/{exchange.reply}_reply"},
            {"$ref": "#/channels/ws/messages/error"},
        ]
        assert MESSAGES[f"{exchange.kind}_request"]["payload"]["properties"]["type"] == {"const": exchange.kind}
        assert MESSAGES[f"{exchange.reply}_reply"]["payload"]["properties"]["type"] == {"const": exchange.reply}


def test_every_event_has_an_operation() -> None:
    sent = {name for name, each in OPERATIONS.items() if each["action"] == "send"}
    assert sent == {*channels.EVENT_OF.values(), *events.CONNECTION_EVENTS, "error"}
    assert set(events.CHANNEL_EVENTS) == set(channels.EVENT_OF.values())
    assert set(DOCUMENT["channels"]["ws"]["x-subscriptions"]) == set(channels.CHANNELS)


def test_every_error_code_is_there_with_its_meaning() -> None:
    assert MESSAGES["error"]["x-error-codes"] == errors.CODES
    assert DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"] == list(errors.CODES)


def test_every_close_code_is_there_with_its_meaning() -> None:
    constants = {value for name, value in vars(errors).items() if name.startswith("CLOSE_") and isinstance(value, int)}
    told = DOCUMENT["channels"]["ws"]["x-close-codes"]
    assert constants <= {int(code) for code in told}
    assert all(each["meaning"] for each in told.values())
    assert [told[code]["reconnect"] for code in ("4001", "4507")] == [True, False]


def test_every_limit_is_there_with_its_meaning() -> None:
    told = DOCUMENT["servers"]["this"]["x-limits"]
    assert {name: each["value"] for name, each in told.items()} == sessions.limits()
    assert [name for name, each in told.items() if not each["meaning"]] == []


def test_the_glossary_explains_nothing_that_is_not_there() -> None:
    structs = {*glossary.SPECIAL, *events.EVENTS.values(), *(each.answer for each in exchanges())}
    structs |= {each.struct for each in exchanges() if each.struct is not None}
    fields = {field.name for struct in structs for field in msgspec.structs.fields(struct)}
    assert set(glossary.MEANINGS) <= fields
    for struct, meanings in glossary.SPECIAL.items():
        assert set(meanings) <= {field.name for field in msgspec.structs.fields(struct)}, struct


class GetWeather(messages.Request, frozen=True):
    """Where."""

    place: Annotated[str, msgspec.Meta(max_length=9)]


class Weather(messages.Reply, frozen=True):
    """How it is."""

    degrees: int


async def get_weather(connection: Any, data: GetWeather) -> Any:
    """Tell the weather."""


def test_what_is_new_in_the_code_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROUTES, "get_weather", Route("weather", GetWeather, Weather, get_weather))
    monkeypatch.setitem(channels.EVENT_OF, "weather", "weather_update")
    monkeypatch.setattr(frames, "DURABLE", channels.DURABLE | {"weather"})
    monkeypatch.setitem(events.EVENTS, "weather_update", Weather)
    monkeypatch.setitem(errors.CODES, "raining", "It rains.")
    monkeypatch.setitem(errors.CLOSE_CODES, 4999, "A storm.")
    document = made()
    contract = Contract(document)
    assert document["operations"]["get_weather"]["summary"] == "Tell the weather."
    asked = {"type": "get_weather", "request_id": 1, "data": {"place": "Oslo"}}
    assert contract.problems("get_weather_request", asked) == []
    assert contract.problems("get_weather_request", {**asked, "data": {"place": "Oslo", "when": 1}})
    assert contract.problems("weather_reply", {"type": "weather", "data": {"degrees": 3}}) == []
    event = {"type": "weather_update", "channel": "weather", "seq": 1, "epoch": "a", "data": {"degrees": 3}}
    assert contract.problems("weather_update", event) == []
    assert contract.problems("weather_update", {**event, "data": {"degrees": "3"}})
    assert "raining" in document["components"]["schemas"]["ErrorCode"]["enum"]
    assert "4999" in document["channels"]["ws"]["x-close-codes"]


# Frames


def told(frame: dict[str, Any]) -> str:
    return f"{frame['type']} {frame.get('request_id', '')}"


def named(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield frames with their messages: of two frames of one type and id the first asks."""
    asked: set[str] = set()
    for frame in found:
        kind = CONTRACT.sent(frame)
        if kind in MESSAGES and told(frame) not in asked:
            asked.add(told(frame))
            yield kind, frame
        else:
            yield CONTRACT.received(frame), frame


@pytest.mark.parametrize(("message", "frame"), list(named(FRAMES)), ids=[told(frame) for frame in FRAMES])
def test_every_example_of_the_page_is_as_the_document_says(message: str, frame: dict[str, Any]) -> None:
    assert CONTRACT.problems(message, frame) == []


@pytest.mark.parametrize("name", MESSAGES)
def test_every_example_of_the_document_is_as_it_says_itself(name: str) -> None:
    for example in MESSAGES[name]["examples"]:
        assert CONTRACT.problems(name, example["payload"]) == []


def test_the_example_of_connect_tells_the_limits_that_there_are() -> None:
    [example] = MESSAGES["connect_reply"]["examples"]
    assert set(example["payload"]["data"]["limits"]) == set(sessions.limits())


ORDER = {"account_id": 1, "symbol": "BTC", "side": "buy", "size": 0.01, "order_type": "market"}
CLIENT_ID = "Aa0_.:-"
AGREED: dict[str, tuple[str, object, bool]] = {
    "an order": ("place_order", ORDER, True),
    "a size as text": ("place_order", {**ORDER, "size": "0.01"}, True),
    "a size of an integer": ("place_order", {**ORDER, "size": 3}, True),
    "a limit": ("place_order", {**ORDER, "order_type": "limit", "price": "69000.5", "time_in_force": "alo"}, True),
    "no price": ("place_order", {**ORDER, "price": None}, True),
    "a client id": ("place_order", {**ORDER, "client_order_id": CLIENT_ID}, True),
    "the longest client id": ("place_order", {**ORDER, "client_order_id": "x" * 64}, True),
    "a client id too long": ("place_order", {**ORDER, "client_order_id": "x" * 65}, False),
    "a client id with a space": ("place_order", {**ORDER, "client_order_id": "a b"}, False),
    "an empty client id": ("place_order", {**ORDER, "client_order_id": ""}, False),
    "no size": ("place_order", {key: value for key, value in ORDER.items() if key != "size"}, False),
    "a misspelt field": ("place_order", {**ORDER, "sise": 1}, False),
    "a size of 0": ("place_order", {**ORDER, "size": 0}, False),
    "a size of 0 as text": ("place_order", {**ORDER, "size": "0.000"}, False),
    "a negative size": ("place_order", {**ORDER, "size": -1}, False),
    "a negative size as text": ("place_order", {**ORDER, "size": "-1"}, False),
    "the greatest size": ("place_order", {**ORDER, "size": 999_999_999_999}, True),
    "too great a size": ("place_order", {**ORDER, "size": 10**12}, False),
    "too great a size as text": ("place_order", {**ORDER, "size": "1000000000000"}, False),
    "NaN": ("place_order", {**ORDER, "size": "NaN"}, False),
    "a size of words": ("place_order", {**ORDER, "size": "much"}, False),
    "a size of true": ("place_order", {**ORDER, "size": True}, False),
    "no such side": ("place_order", {**ORDER, "side": "long"}, False),
    "no such type": ("place_order", {**ORDER, "order_type": "iceberg"}, False),
    "reduce_only null": ("place_order", {**ORDER, "reduce_only": None}, False),
    "leverage 0": ("place_order", {**ORDER, "leverage": 0}, False),
    "leverage 1.5": ("place_order", {**ORDER, "leverage": 1.5}, False),
    "account 0": ("place_order", {**ORDER, "account_id": 0}, False),
    "account beyond 2^53": ("place_order", {**ORDER, "account_id": 2**53}, False),
    "account as text": ("place_order", {**ORDER, "account_id": "1"}, False),
    "a token": ("connect", {"session_token": "abc"}, True),
    "a token of 1": ("connect", {"session_token": 1}, False),
    "nothing for connect": ("connect", {}, True),
    "null for connect": ("connect", None, True),
    "null for place_order": ("place_order", None, False),
    "a list for bootstrap": ("bootstrap", [], False),
    "a field for bootstrap": ("bootstrap", {"account_id": 1}, False),
    "channels": ("subscribe", {"channels": ["trades", "nonsense"]}, True),
    "no channels": ("subscribe", {"channels": []}, False),
    "65 channels": ("subscribe", {"channels": ["trades"] * 65}, False),
    "a resume": ("subscribe", {"channels": ["trades"], "resume": {"trades": {"epoch": "a", "seq": 0}}}, True),
    "a resume from -1": ("subscribe", {"channels": ["trades"], "resume": {"trades": {"epoch": "a", "seq": -1}}}, False),
    "a resume without epoch": ("subscribe", {"channels": ["trades"], "resume": {"trades": {"seq": 1}}}, False),
    "no channels to leave": ("unsubscribe", {"channels": []}, True),
    "a timeframe": ("get_asset_curve", {"timeframe": "7d"}, True),
    "no such timeframe": ("get_asset_curve", {"timeframe": "2d"}, False),
    "anything for ping": ("ping", {"whatever": [1]}, True),
}


def accepted(frame: dict[str, Any]) -> bool:
    """Tell whether the server would carry a frame out, as far as its form goes."""
    try:
        incoming = open_frame(json.dumps(frame))
        if incoming.type != "ping":
            decode(ROUTES[incoming.type].struct, incoming.data)
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize("name", AGREED)
def test_the_document_allows_what_the_decoder_takes(name: str) -> None:
    kind, data, right = AGREED[name]
    frame = {"type": kind, "request_id": "1", "data": data}
    assert (CONTRACT.problems(f"{kind}_request", frame) == []) is right
    assert accepted(frame) is right


@pytest.mark.parametrize(
    ("request_id", "right"),
    [("", True), ("x" * 64, True), ("x" * 65, False), (0, True), (-(2**53) + 1, True), (2**53, False), (1.5, False),
     (True, False), (None, True), ([], False)],
)  # fmt: skip
def test_the_document_allows_the_request_ids_that_the_server_takes(request_id: object, right: bool) -> None:
    frame = {"type": "ping", "request_id": request_id}
    assert (CONTRACT.problems("ping_request", frame) == []) is right
    assert accepted(frame) is right


def test_keys_beside_data_are_allowed_and_ignored() -> None:
    frame = {"type": "bootstrap", "sent_at": 1}
    assert CONTRACT.problems("bootstrap_request", frame) == []
    assert accepted(frame)


TRADE = next(frame for frame in FRAMES if frame["type"] == "trade_update")
POSITION = next(frame for frame in FRAMES if frame["type"] == "position_update")
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "another type": ("trade_update", {**TRADE, "type": "trade"}),
    "no seq": ("trade_update", {key: value for key, value in TRADE.items() if key != "seq"}),
    "another channel": ("trade_update", {**TRADE, "channel": "orders"}),
    "a seq of 0": ("trade_update", {**TRADE, "seq": 0}),
    "a price of null": ("trade_update", {**TRADE, "data": {**TRADE["data"], "price": None}}),
    "a field less": ("trade_update", {**TRADE, "data": {"trade_id": 1}}),
    "a number as text": ("trade_update", {**TRADE, "data": {**TRADE["data"], "price": "1.5"}}),
    "no time": ("trade_update", {**TRADE, "data": {**TRADE["data"], "timestamp": "yesterday"}}),
    "half a place": ("position_update", {key: value for key, value in POSITION.items() if key != "epoch"}),
    "a numbered price": ("price_update", json.loads(encode_event("price_update", "prices", 1, "a", {}))),
    "a code that there is not": ("error", {"type": "error", "data": {"code": "oops", "message": "."}}),
    "a reply without data": ("pong_reply", {"type": "pong"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_frame_of_the_server_is_found_out(name: str) -> None:
    message, frame = WRONG[name]
    assert CONTRACT.problems(message, frame)


def test_a_frame_may_gain_keys() -> None:
    assert CONTRACT.problems("trade_update", {**TRADE, "new": 1, "data": {**TRADE["data"], "new": 1}}) == []
    frame = json.loads(encode("server_shutdown", messages.ServerShutdown(reconnect_after_ms=1)))
    assert CONTRACT.problems("server_shutdown", {**frame, "new": 1}) == []
