"""The seed's own examples, read from its text, and what it means to agree with one."""

import json
from pathlib import Path
from typing import Any

TEXT = (Path(__file__).parent.parent / "data" / "seed-protocol.txt").read_text()


def _objects() -> list[dict[str, Any]]:
    """Return every JSON object of the text that is a message, in its order."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := TEXT.find("{", at)) != -1:
        try:
            message, end = decoder.raw_decode(TEXT, at)
        except json.JSONDecodeError:
            at += 1
            continue
        if "type" in message:
            found.append(message)
        at = end
    return found


MESSAGES = _objects()
REPLIES = {message["type"]: message for message in MESSAGES if message["type"] in ("snapshot",)}
REPLIES["bootstrap"] = next(m for m in MESSAGES if m["type"] == "bootstrap" and "data" in m)
BROADCASTS = {message["type"]: message for message in MESSAGES if message["type"].endswith("_update")}
REQUESTS = [m for m in MESSAGES if m not in [*REPLIES.values(), *BROADCASTS.values()] and m["type"] != "message_type"]


def json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {str: "string", list: "array", dict: "object", type(None): "null"}[type(value)]


def disagreements(example: Any, ours: Any, path: str = "$") -> list[str]:
    """Return where our message lacks a key of the example or has another JSON type. More keys are allowed."""
    if json_type(example) != json_type(ours):
        return [f"{path}: {json_type(ours)}, not {json_type(example)}"]
    if isinstance(example, dict):
        missing = [f"{path}.{key} is missing" for key in example if key not in ours]
        shared = [key for key in example if key in ours]
        return missing + [each for key in shared for each in disagreements(example[key], ours[key], f"{path}.{key}")]
    if isinstance(example, list) and example:
        if not ours:
            return [f"{path} is empty"]
        return [each for item in ours for each in disagreements(example[0], item, f"{path}[]")]
    return []
