"""Real frames held against the AsyncAPI document, as a client would that has only the document."""

from datetime import datetime
from typing import Any

from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

Document = dict[str, Any]
formats = FormatChecker(())


@formats.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    """Tell whether a text is a time with its offset from UTC."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Contract:
    """What the document says of frames."""

    def __init__(self, document: Document) -> None:
        self.messages: dict[str, Any] = document["components"]["messages"]
        resource = Resource.from_contents(document, default_specification=DRAFT7)
        registry: Registry[Any] = Registry().with_resource("urn:document", resource)
        self._validators = {
            name: Draft7Validator(
                {"$ref": f"urn:document#/components/messages/{name}/payload"},
                registry=registry,
                format_checker=formats,
            )
            for name in self.messages
        }

    def problems(self, message: str, frame: object) -> list[str]:
        """Return what is wrong with a frame of a message: nothing, where it is as the document says."""
        return [f"{error.json_path}: {error.message}" for error in self._validators[message].iter_errors(frame)]

    def sent(self, frame: dict[str, Any]) -> str:
        """Return the message that a frame of a client is."""
        return f"{frame['type']}_request"

    def received(self, frame: dict[str, Any]) -> str:
        """Return the message that a frame of the server is."""
        return frame["type"] if frame["type"] in self.messages else f"{frame['type']}_reply"
