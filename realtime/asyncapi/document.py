"""The document: server, channel, operations, messages. What the code has, it has: nothing is listed twice."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from realtime.asyncapi import frames
from realtime.asyncapi.exchanges import Exchange, exchanges
from realtime.asyncapi.frames import Names
from realtime.asyncapi.schemas import component_schemas
from realtime.protocol.channels import CHANNELS, DURABLE, EVENT_OF, REFRESHED
from realtime.protocol.errors import CLOSE_CODES, RECONNECT_BELOW, ErrorData
from realtime.protocol.events import EVENTS
from realtime.protocol.glossary import LIMITS
from realtime.protocol.messages import PROTOCOL_VERSION

Document = dict[str, Any]
CHANNEL = "ws"
ADDRESS = "/ws"
EXAMPLES = Path(__file__).with_name("examples.json")
DESCRIPTION = """\
One WebSocket, JSON text frames both ways; a binary frame is answered with `bad_request`.

**Requests and answers.** A request is `{"type", "request_id"?, "data"?}`. Each is answered exactly once: with its \
reply, or with `error`. The answer carries the request's `request_id`, a string of at most 64 characters or an \
integer, as it came; without one it has no such key. A reply's type is the request's without `get_`; only `ping` is \
answered with `pong`.

**Order.** Requests that change the session run one at a time, and whatever was sent after one waits for it. All \
others run side by side: match their answers by `request_id`. Orders and cancels of one socket reach the exchange in \
the order in which they were sent. An order's events may come before or after its reply.

**Events.** Those of a durable channel carry `channel`, `seq` and `epoch`: within a stream (an account's channel) they \
come in order, each once, without holes; between streams no order is promised. After a lost connection `subscribe` \
with `resume` brings what was missed. Events without `seq` are not replayed: the newest counts.

**Growth.** Replies and events may gain keys, and new types may come: ignore what you don't know. The other way round \
is strict: a field of a request's `data` that the server does not know is refused with `bad_request`.

**Numbers** from the server are exact decimals, never with an exponent; read them as decimals where cents matter. \
Times are RFC 3339 in UTC. Amounts and prices are in USDC, sizes in units of the symbol.
"""


def build(*, host: str, secure: bool, cookie: str, limits: Mapping[str, float]) -> Document:
    """Build the document of the server at a host (with its port), whose browsers bring their session in a cookie."""
    asked = list(exchanges())
    messages = _messages(asked)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Hyperoru", "version": str(PROTOCOL_VERSION), "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"this": _server(host, secure, limits)},
        "channels": {CHANNEL: _channel(messages)},
        "operations": dict(_operations(asked)),
        "components": {
            "messages": messages,
            "schemas": component_schemas(_structs(asked)),
            "securitySchemes": _security_schemes(cookie),
            "correlationIds": {"request_id": {"location": "$message.payload#/request_id"}},
        },
    }


def _structs(asked: list[Exchange]) -> list[type[msgspec.Struct]]:
    requests = [each.struct for each in asked if each.struct is not None]
    return [*requests, *(each.answer for each in asked), *EVENTS.values(), ErrorData]


def _messages(asked: list[Exchange]) -> dict[str, frames.Message]:
    messages: dict[str, frames.Message] = {}
    for each in asked:
        names = Names.of(each)
        messages[names.request] = frames.request(each)
        messages[names.reply] = frames.reply(each)
    messages["error"] = frames.error()
    for kind in EVENTS:
        messages[kind] = frames.event(kind)
    for name, found in examples().items():
        messages[name]["examples"] = [{"payload": each} for each in found]
    return messages


@cache
def examples() -> dict[str, list[Any]]:
    """Return frames of a real session, by the names of their messages."""
    found: dict[str, list[Any]] = msgspec.json.decode(EXAMPLES.read_bytes())
    return found


def _server(host: str, secure: bool, limits: Mapping[str, float]) -> dict[str, Any]:
    return {
        "host": host,
        "protocol": "wss" if secure else "ws",
        "description": "This server.",
        "x-limits": {name: {"value": value, "meaning": LIMITS.get(name, "")} for name, value in limits.items()},
    }


def _channel(messages: Mapping[str, object]) -> dict[str, Any]:
    return {
        "address": ADDRESS,
        "title": "The socket",
        "description": "All messages go over one socket.",
        "servers": [{"$ref": "#/servers/this"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        "x-subscriptions": {
            name: {"event": EVENT_OF[name], "durable": name in DURABLE, "refreshed": name in REFRESHED}
            for name in CHANNELS
        },
        "x-close-codes": {
            str(code): {"meaning": CLOSE_CODES[code], "reconnect": code < RECONNECT_BELOW}
            for code in sorted(CLOSE_CODES)
        },
    }


def _operations(asked: list[Exchange]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in asked:
        names = Names.of(each)
        operation = _operation("receive", each.summary, names.request)
        operation["description"] = " ".join(each.rules)
        operation["reply"] = {"channel": {"$ref": f"#/channels/{CHANNEL}"}, "messages": _refs(names.reply, "error")}
        if each.kind == "connect":
            operation["security"] = [{"$ref": f"#/components/securitySchemes/{name}"} for name in ("token", "browser")]
        yield each.kind, operation
    yield "error", _operation("send", "Answer a frame that could not be read as a request.", "error")
    for kind in EVENTS:
        yield kind, _operation("send", frames.summary_of(EVENTS[kind]), kind)


def _operation(action: str, summary: str, message: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{CHANNEL}"},
        "summary": summary,
        "messages": _refs(message),
    }


def _refs(*messages: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{CHANNEL}/messages/{name}"} for name in messages]


def _security_schemes(cookie: str) -> dict[str, Any]:
    return {
        "token": {
            "type": "apiKey",
            "in": "password",
            "description": "A session token, given as `session_token` in the data of `connect`.",
        },
        "browser": {
            "type": "httpApiKey",
            "in": "cookie",
            "name": cookie,
            "description": "The cookie of a logged-in browser, in the handshake: `connect` then needs no token.",
        },
    }
