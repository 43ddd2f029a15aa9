"""The messages of the document: the schema of each whole frame, the envelope around the data included."""

from dataclasses import dataclass
from inspect import getdoc
from typing import Any

import msgspec

from realtime.asyncapi.exchanges import Exchange
from realtime.asyncapi.schemas import Schema, ref
from realtime.protocol.channels import DURABLE, EVENT_OF, REFRESHED
from realtime.protocol.errors import CODES, ErrorData
from realtime.protocol.events import EVENTS

Message = dict[str, Any]
PLACE = ("channel", "seq", "epoch")
CORRELATION = {"$ref": "#/components/correlationIds/request_id"}


@dataclass(frozen=True, slots=True)
class Names:
    """The keys of an exchange's messages. A request and its reply mostly have one type, so it takes two."""

    request: str
    reply: str

    @classmethod
    def of(cls, exchange: Exchange) -> "Names":
        return cls(f"{exchange.kind}_request", f"{exchange.reply}_reply")


def request(exchange: Exchange) -> Message:
    """Describe the frame of a request. Keys beside `data` are ignored, those within it are not."""
    data: Schema = {"description": "Not looked at."}
    if exchange.struct is not None:
        data = ref(exchange.struct.__name__)
        if not exchange.needs_data:
            data = {"anyOf": [data, {"type": "null"}]}
    frame = _frame(exchange.kind, data, ["type", "data"] if exchange.needs_data else ["type"])
    frame["properties"]["request_id"] = {"anyOf": [ref("RequestId"), {"type": "null"}]}
    summary = "Is the server there? What time has it?" if exchange.struct is None else summary_of(exchange.struct)
    return _message(exchange.kind, f"{exchange.kind} request", summary, frame, correlationId=CORRELATION)


def reply(exchange: Exchange) -> Message:
    frame = _frame(exchange.reply, ref(exchange.answer.__name__), ["type", "data"])
    frame["properties"]["request_id"] = ref("RequestId")
    summary = summary_of(exchange.answer)
    return _message(exchange.reply, f"{exchange.reply} reply", summary, frame, correlationId=CORRELATION)


def error() -> Message:
    frame = _frame("error", ref(ErrorData.__name__), ["type", "data"])
    frame["properties"]["request_id"] = ref("RequestId")
    more: dict[str, Any] = {"correlationId": CORRELATION, "x-error-codes": CODES}
    return _message("error", "error", summary_of(ErrorData), frame, **more)


def event(kind: str) -> Message:
    """Describe the frame of an event: of a durable channel it is numbered, of `REFRESHED` ones not always."""
    frame = _frame(kind, ref(EVENTS[kind].__name__), ["type", "data"])
    channel = next((channel for channel, event in EVENT_OF.items() if event == kind), None)
    if channel in DURABLE:
        frame["properties"] |= {
            "channel": {"const": channel},
            "seq": {"type": "integer", "minimum": 1, "description": "1, 2, 3 … without holes within its stream."},
            "epoch": {"type": "string", "description": "Names the stream's history."},
        }
        if channel in REFRESHED:
            frame["dependencies"] = {key: [other for other in PLACE if other != key] for key in PLACE}
        else:
            frame["required"] += PLACE
    else:
        frame["not"] = {"required": ["seq"]}
    tags: dict[str, Any] = {"tags": [{"name": channel}]} if channel else {}
    return _message(kind, kind, summary_of(EVENTS[kind]), frame, **tags)


def summary_of(struct: type[msgspec.Struct]) -> str:
    """Return the first line of a struct's docstring."""
    return (getdoc(struct) or struct.__name__).partition("\n")[0]


def _frame(kind: str, data: Schema, required: list[str]) -> Schema:
    return {"type": "object", "required": required, "properties": {"type": {"const": kind}, "data": data}}


def _message(kind: str, title: str, summary: str, frame: Schema, **more: Any) -> Message:
    return {
        "name": kind,
        "title": title,
        "summary": summary,
        "contentType": "application/json",
        "payload": frame,
        **more,
    }
