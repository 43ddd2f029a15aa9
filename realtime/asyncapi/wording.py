"""Schemas and descriptions as words: what a person reads in place of JSON Schema and Markdown."""

import re
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

Schema = dict[str, Any]
MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
NOTHING = SafeString("")


def prose(text: str) -> SafeString:
    """Write a line of text with its `code` and **strong** words; everything else is escaped."""
    parts: list[SafeString] = []
    end = 0
    for match in MARKED.finditer(text):
        parts.append(format_html("{}", text[end : match.start()]))
        code, strong = match.groups()
        parts.append(format_html("<code>{}</code>", code) if code else format_html("<strong>{}</strong>", strong))
        end = match.end()
    return format_html_join("", "{}", ((part,) for part in [*parts, text[end:]]))


def paragraphs(text: str) -> list[SafeString]:
    return [prose(each) for each in text.strip().split("\n\n")]


def type_of(schema: Schema) -> SafeString:
    """Write a schema's type, with a link where it is an object of its own."""
    if "$ref" in schema:
        return _named(schema["$ref"].rpartition("/")[2])
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            return _either([type_of(each) for each in schema[key]])
    if "enum" in schema:
        return _either([format_html("<code>{}</code>", each) for each in schema["enum"]])
    if schema.get("type") == "array":
        return format_html("list of {}", type_of(schema["items"]))
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return format_html("map of {}", type_of(schema["additionalProperties"]))
    if schema.get("format") == "date-time":
        return format_html("{}", "time")
    return format_html("{}", schema.get("type", "anything"))


def bounds_of(schema: Schema) -> SafeString:
    """Write what a value must keep to beside its type; nothing where there is nothing to say."""
    for key in ("allOf", "anyOf"):
        if key in schema:
            return next(filter(None, map(bounds_of, schema[key])), NOTHING)
    if "pattern" in schema:
        return format_html("<code>{}</code>", schema["pattern"])
    for least, most, unit in (
        ("minLength", "maxLength", "characters"),
        ("minItems", "maxItems", "of them"),
        ("minProperties", "maxProperties", "of them"),
        ("minimum", "maximum", ""),
    ):
        if least in schema or most in schema:
            return format_html("{} {}", _between(schema.get(least), schema.get(most)), unit)
    return NOTHING


def _between(least: int | None, most: int | None) -> str:
    if most is None or most == 2**53 - 1:
        return f"at least {least}"
    return f"at most {most:,}" if least is None else f"{least:,} to {most:,}"


def _named(name: str) -> SafeString:
    if name == "Amount":
        return format_html("{}", "number or string")
    if name == "ErrorCode":
        return format_html('<a href="#error-codes">{}</a>', "error code")
    return format_html('<a href="#object-{}">{}</a>', name, name)


def _either(options: list[SafeString]) -> SafeString:
    return format_html_join(" or ", "{}", ((each,) for each in dict.fromkeys(options)))
