"""The pages under `docs/` tell what the code does: every name is there, and every example is one that could come."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
import yaml

from accounts.seeding import schema
from hyperoru import environment
from realtime.asyncapi.exchanges import exchanges
from realtime.asyncapi.schemas import may_lack
from realtime.handlers import ROUTES
from realtime.protocol import channels, errors, messages
from realtime.protocol.codec import decode, open_frame
from realtime.protocol.events import EVENTS
from realtime.protocol.messages import Reply
from trading.domain.lifecycle import CANCEL_REASONS

Frame = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent.parent
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
OPERATE = (ROOT / "docs" / "operate.md").read_text()
FIRST_BOT = (ROOT / "docs" / "first-bot.md").read_text()
MODELS = (ROOT / "docs" / "models.md").read_text()
PAGES = {"protocol.md": PROTOCOL, "operate.md": OPERATE, "first-bot.md": FIRST_BOT, "models.md": MODELS}

REPLIES: dict[str, type[msgspec.Struct]] = {
    **{exchange.reply: exchange.answer for exchange in exchanges()},
    "error": errors.ErrorData,
}


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def names_in(path: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / path).read_text()))


def code(name: str) -> str:
    return f"`{name}`"


def _split(frames: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Tell requests from what the server sends: of two frames of one type and id the first asks."""
    requests: list[Frame] = []
    answers: list[Frame] = []
    for frame in frames:
        known = frame["type"] in ROUTES or frame["type"] == "ping"
        asked = [(each["type"], each["request_id"]) for each in requests]
        if known and (frame["type"], frame["request_id"]) not in asked:
            requests.append(frame)
        else:
            answers.append(frame)
    return requests, answers


REQUESTS, ANSWERS = _split([json.loads(block) for block in blocks(PROTOCOL, "json")])


def told(frame: Frame) -> str:
    return f"{frame['type']} {frame.get('request_id', '')}"


# Every name is there


@pytest.mark.parametrize("kind", sorted([*ROUTES, "ping"]))
def test_every_request_has_a_section_an_example_and_its_answer(kind: str) -> None:
    assert re.search(rf"^### {kind}$", PROTOCOL, re.MULTILINE)
    assert kind in [frame["type"] for frame in REQUESTS]
    reply = "pong" if kind == "ping" else ROUTES[kind].reply
    assert reply in [frame["type"] for frame in ANSWERS]


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_every_event_has_a_section_and_an_example(kind: str) -> None:
    assert re.search(rf"^### {kind}$", PROTOCOL, re.MULTILINE)
    assert kind in [frame["type"] for frame in ANSWERS]


@pytest.mark.parametrize("kind", sorted(ROUTES))
def test_every_field_of_a_request_is_in_its_section(kind: str) -> None:
    section = re.split(rf"^### {kind}$", PROTOCOL, flags=re.MULTILINE)[1]
    section = re.split(r"^##", section, flags=re.MULTILINE)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {field.name for field in msgspec.structs.fields(ROUTES[kind].struct)} <= listed


@pytest.mark.parametrize("kind", sorted([*REPLIES, *EVENTS]))
def test_every_field_of_an_answer_is_named(kind: str) -> None:
    fields = {field.name for field in msgspec.structs.fields({**REPLIES, **EVENTS}[kind])}
    assert {name for name in fields if code(name) not in PROTOCOL} == set()


@pytest.mark.parametrize("name", sorted(errors.CODES))
def test_every_error_code_is_in_the_table(name: str) -> None:
    assert f"\n| {code(name)} |" in PROTOCOL


@pytest.mark.parametrize("number", errors.CLOSE_CODES)
def test_every_close_code_is_in_the_table(number: int) -> None:
    assert f"\n| {number} |" in PROTOCOL


@pytest.mark.parametrize("name", channels.CHANNELS)
def test_every_channel_is_in_the_table(name: str) -> None:
    assert f"\n| {code(name)} | {code(channels.EVENT_OF[name])} |" in PROTOCOL


def test_every_reason_is_told() -> None:
    reasons = set(CANCEL_REASONS)
    for path in (ROOT / "trading" / "domain").glob("*.py"):
        reasons |= set(re.findall(r'reason="(\w+)"', path.read_text()))
    reasons -= {"amount_rejected", "not_the_house"}  # which no client can meet
    assert len(reasons) > 20
    assert {reason for reason in reasons if code(reason) not in PROTOCOL} == set()


def test_every_variable_of_the_environment_is_in_the_table() -> None:
    call = r'(?:env(?:\.\w+)?|choice|fraction|classes)\(\s*"([A-Z_]+)"'
    variables = names_in("hyperoru/settings.py", call) | names_in("hyperoru/environment.py", call)
    variables |= names_in("hyperoru/settings.py", r"\bHYPERORU_[A-Z_]+\b")
    variables |= names_in("hyperoru/environment.py", r"\bHYPERORU_[A-Z_]+\b")
    assert len(variables) > 25
    assert {name for name in variables if f"\n| {code(name)} |" not in OPERATE} == set()
    assert {name for name in re.findall(r"`(HYPERORU_[A-Z_]+)`", PROTOCOL) if name not in variables} == set()


def test_the_defaults_of_the_settings_are_the_ones_told() -> None:
    source = (ROOT / "hyperoru" / "settings.py").read_text()
    found = re.findall(r'(?:env\.(?:int|float|str)|fraction)\("(HYPERORU_\w+)", (?:default=)?"?([\d._]+)"?\)', source)
    assert len(found) > 15
    for name, default in found:
        [row] = re.findall(rf"^\| {code(name)} \| `([^`]+)` \|", OPERATE, re.MULTILINE)
        assert Decimal(row) == Decimal(default.replace("_", "")), name
    for market in environment.MARKETS:
        assert f"\n| {code(market)} |" in OPERATE


def test_every_command_and_option_is_told() -> None:
    for path in ROOT.glob("*/management/commands/[a-z]*.py"):
        assert code(path.stem) in OPERATE, path.stem
        for option in re.findall(r'"(--[a-z]+)"', path.read_text()):
            assert option in OPERATE, option
    for target in re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE):
        assert code(f"make {target}") in OPERATE, target


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        path, _, anchor = target.partition("#")
        assert not path or (ROOT / "docs" / path).exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / (path or page)).read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings], target


# Every example could come


@pytest.mark.parametrize("frame", REQUESTS, ids=told)
def test_an_example_of_a_request_is_one_that_the_server_takes(frame: Frame) -> None:
    incoming = open_frame(json.dumps(frame))
    if incoming.type != "ping":
        decode(ROUTES[incoming.type].struct, incoming.data)


@pytest.mark.parametrize("frame", ANSWERS, ids=told)
def test_an_example_of_an_answer_has_all_keys_and_no_others(frame: Frame) -> None:
    is_event = "request_id" not in frame
    struct = (EVENTS if is_event else REPLIES)[frame["type"]]
    assert differences(frame["data"], struct, frame["type"]) == []
    if "seq" in frame:
        assert channels.EVENT_OF[frame["channel"]] == frame["type"]
    assert set(frame) - {"type", "data", "request_id"} in ({"channel", "seq", "epoch"}, set())


def differences(data: Any, kind: Any, path: str) -> list[str]:
    """Return where data lacks a key of a struct or has another one, in lists, maps and options too."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        optional = {each.name for each in fields if may_lack(kind, each)}
        missing = [f"{path}.{each.name} is missing" for each in fields if each.name not in {*data, *optional}]
        known = {each.name: each.type for each in fields}
        missing += [f"{path}.{name} is not known" for name in data if name not in known]
        inner = [differences(data[name], known[name], f"{path}.{name}") for name in data if name in known]
        return missing + [each for found in inner for each in found]
    arguments = get_args(kind)
    if get_origin(kind) in (list, tuple) and isinstance(data, list):
        return [each for item in data for each in differences(item, arguments[0], f"{path}[]")]
    if get_origin(kind) is dict and isinstance(data, dict):
        return [each for name, item in data.items() for each in differences(item, arguments[1], f"{path}.{name}")]
    return []


def test_replies_and_events_are_compared_in_depth() -> None:
    snapshot = next(frame for frame in ANSWERS if frame["type"] == "snapshot")
    del snapshot["data"]["positions"][0]["leverage"]
    assert differences(snapshot["data"], messages.Snapshot, "$") == ["$.positions[].leverage is missing"]
    assert issubclass(messages.Snapshot, Reply)


@pytest.mark.parametrize("page", PAGES)
def test_every_json_example_parses(page: str) -> None:
    for block in blocks(PAGES[page], "json"):
        json.loads(block)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["operate.md", "first-bot.md"])
def test_a_seed_file_of_the_pages_is_accepted(page: str) -> None:
    found = [yaml.safe_load(block) for block in blocks(PAGES[page], "yaml")]
    assert found
    for each in found:
        assert schema.check(each).accounts
