"""What the readable page shows: the document, read as any other reader would read it, and laid out for people."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from realtime.asyncapi.document import CHANNEL, Document
from realtime.asyncapi.wording import bounds_of, paragraphs, prose, type_of

LINE = 88


@dataclass(frozen=True, slots=True)
class Row:
    """A field of an object."""

    name: str
    type: SafeString
    bounds: SafeString
    required: bool
    meaning: SafeString


@dataclass(frozen=True, slots=True)
class Object:
    """An object with its fields. `strict`: clients send it, with no other fields. `free`: it may be anything."""

    name: str
    summary: SafeString
    rows: list[Row]
    strict: bool = False
    free: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    name: str
    summary: SafeString
    data: Object
    examples: list[str]
    place: str
    """Of an event: `always`, `sometimes` or `never` numbered."""
    channel: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    summary: SafeString
    rules: SafeString
    message: Message
    reply: Message | None


class Page:
    """The document for a template. Where it is a list, its order is that of the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._schemas = document["components"]["schemas"]
        info = document["info"]
        self.title, self.version = info["title"], info["version"]
        self.overview = paragraphs(info["description"])
        server = document["servers"]["this"]
        channel = document["channels"][CHANNEL]
        self.url = f"{server['protocol']}://{server['host']}{channel['address']}"
        operations = document["operations"]
        self.requests = [self._operation(name, each) for name, each in operations.items() if "reply" in each]
        self.events = [
            self._operation(name, each)
            for name, each in operations.items()
            if each["action"] == "send" and name != "error"
        ]
        self.error = self._operation("error", operations["error"])
        self.objects = self._other_objects()
        codes = document["components"]["messages"]["error"]["x-error-codes"]
        self.codes = [(code, prose(meaning)) for code, meaning in codes.items()]
        self.closings = [
            (code, prose(each["meaning"]), each["reconnect"]) for code, each in channel["x-close-codes"].items()
        ]
        self.limits = [
            (name, f"{each['value']:,}".removesuffix(".0"), prose(each["meaning"]))
            for name, each in server["x-limits"].items()
        ]
        self.channels = list(channel["x-subscriptions"].items())
        self.security = [prose(each["description"]) for each in document["components"]["securitySchemes"].values()]

    def _operation(self, name: str, operation: dict[str, Any]) -> Operation:
        replies = operation.get("reply", {}).get("messages", [])
        return Operation(
            id=name,
            summary=prose(operation["summary"]),
            rules=prose(operation.get("description", "")),
            message=self._message(operation["messages"][0]),
            reply=self._message(replies[0]) if replies else None,
        )

    def _message(self, reference: dict[str, str]) -> Message:
        key = reference["$ref"].rpartition("/")[2]
        message = self._document["components"]["messages"][key]
        payload = message["payload"]
        place = "never"
        if "seq" in payload["properties"]:
            place = "always" if "seq" in payload["required"] else "sometimes"
        return Message(
            name=message["name"],
            summary=prose(message["summary"]),
            data=self._data(payload["properties"]["data"]),
            examples=[written(example["payload"]) for example in message.get("examples", [])],
            place=place,
            channel=next((tag["name"] for tag in message.get("tags", [])), None),
        )

    def _data(self, schema: dict[str, Any]) -> Object:
        [option] = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        if "$ref" not in option:
            return Object("", prose(""), [], free=True)
        return self._object(option["$ref"].rpartition("/")[2])

    def _object(self, name: str) -> Object:
        schema = self._schemas[name]
        rows = [
            Row(field, type_of(each), bounds_of(each), field in schema["required"], prose(each.get("description", "")))
            for field, each in schema["properties"].items()
        ]
        strict = schema.get("additionalProperties") is False
        return Object(name, prose(schema.get("description", "")), rows, strict)

    def _other_objects(self) -> list[Object]:
        """Return the objects that fields refer to: an anchor for each reference."""
        references = set(_references(self._schemas))
        return [
            self._object(name)
            for name, schema in self._schemas.items()
            if name in references and schema.get("type") == "object"
        ]


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of all schemas that some schemas refer to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def written(value: Any, indent: str = "", before: int = 0) -> str:
    """Write JSON for people: what fits on a line, behind what stands there before it, is not broken up."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or before + len(line) <= LINE:
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        return _block("[", [written(each, deeper, len(deeper)) for each in value], "]", indent)
    keys = {key: f"{json.dumps(key)}: " for key in value}
    parts = [keys[key] + written(each, deeper, len(deeper) + len(keys[key])) for key, each in value.items()]
    return _block("{", parts, "}", indent)


def _block(opening: str, parts: list[str], closing: str, indent: str) -> str:
    return opening + "\n" + ",\n".join(f"{indent}  {part}" for part in parts) + f"\n{indent}{closing}"
