"""Frames from text and to text."""

from collections.abc import Mapping
from decimal import Decimal
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from realtime.protocol.errors import FieldError, ProtocolError
from realtime.protocol.messages import LARGEST, Request

RequestId = str | int | None
T = TypeVar("T", bound=msgspec.Struct)
MAX_REQUEST_ID = 64
MAX_TYPE = 64
MOST_UNKNOWN = 20
JS_SAFE = 2**53 - 1
NO_DATA = msgspec.Raw(b"{}")


class Envelope(msgspec.Struct, frozen=True):
    """The outer object of each frame of a client."""

    type: msgspec.Raw = msgspec.Raw()
    request_id: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = NO_DATA


class Frame(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outer object of each frame of the server."""

    type: str
    request_id: str | int | None = None
    channel: str | None = None
    seq: int | None = None
    epoch: str | None = None
    data: Any = None


class Incoming(msgspec.Struct, frozen=True):
    """A frame whose envelope is right: its type, its id (None where it had none) and its data, not yet decoded."""

    type: str
    request_id: RequestId
    data: bytes


_envelopes = msgspec.json.Decoder(Envelope)
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_decoders: dict[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {}


class BadEnvelope(ProtocolError):
    """A frame that could not be opened. `request_id` and `type` are what of them could be read."""

    request_id: RequestId = None
    type: str | None = None


def open_frame(text: str | bytes) -> Incoming:
    """Open a client's frame. Raises `BadEnvelope` (`bad_json`, `bad_request`) where it is not what a frame must be."""
    try:
        envelope = _envelopes.decode(text)
    except msgspec.ValidationError:
        raise BadEnvelope("bad_request", "A frame must be a JSON object with a type.") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadEnvelope("bad_json", f"The frame is not JSON: {error}.") from None
    except RecursionError:
        raise BadEnvelope("bad_json", "The frame is nested too deeply.") from None
    problems: list[FieldError] = []
    kind = _plain(envelope.type)
    if bytes(envelope.type) == b"":
        problems.append(FieldError("type", "is required"))
    elif not isinstance(kind, str) or not 0 < len(kind) <= MAX_TYPE:
        problems.append(FieldError("type", f"must be a string of 1 to {MAX_TYPE} characters"))
    request_id = _plain(envelope.request_id)
    if not _is_request_id(request_id):
        told = f"must be an integer or a string of at most {MAX_REQUEST_ID} characters"
        problems.append(FieldError("request_id", told))
        request_id = None
    if problems:
        bad = BadEnvelope("bad_request", _told(problems), fields=problems)
        bad.request_id = request_id
        bad.type = kind if isinstance(kind, str) and len(kind) <= MAX_TYPE else None
        raise bad
    data = bytes(envelope.data)
    return Incoming(kind, request_id, b"{}" if data == b"null" else data)


def _plain(raw: msgspec.Raw) -> Any:
    if not bytes(raw):
        return None
    try:
        return _anything.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return object()


def _is_request_id(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) <= JS_SAFE
    return isinstance(value, str) and len(value) <= MAX_REQUEST_ID


def decode(struct: type[T], data: bytes) -> T:
    """Decode a request's data. Raises `ProtocolError` (`bad_request`) with every field at fault."""
    decoder = _decoders.get(struct)
    if decoder is None:
        decoder = _decoders[struct] = msgspec.json.Decoder(struct)
    try:
        decoded: T = decoder.decode(data)
        problems = [*_lacking(struct, _given(decoded)), *_bad_numbers(decoded)]
    except msgspec.ValidationError:
        problems = _explain(struct, data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        problems = [FieldError("data", "can't be read")]
    if problems:
        raise ProtocolError("bad_request", _told(problems), fields=problems)
    return decoded


def _given(decoded: msgspec.Struct) -> dict[str, object]:
    values = {name: getattr(decoded, name) for name in decoded.__struct_fields__}
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def _lacking(struct: type[msgspec.Struct], given: Mapping[str, object]) -> list[FieldError]:
    if not issubclass(struct, Request):
        return []
    return [FieldError(name, "is required") for name in struct.lacking(given)]


def _bad_numbers(decoded: msgspec.Struct, within: str = "") -> list[FieldError]:
    found = []
    for name in decoded.__struct_fields__:
        value = getattr(decoded, name)
        if isinstance(value, Decimal):
            problem = _problem_with(value)
            if problem:
                found.append(FieldError(within + name, problem))
        elif isinstance(value, msgspec.Struct):
            found += _bad_numbers(value, f"{within}{name}.")
    return found


def _problem_with(value: Decimal) -> str | None:
    if not value.is_finite():
        return "must be a finite number"
    if value <= 0:
        return "must be greater than 0"
    if value >= LARGEST:
        return f"must be less than {LARGEST:f}"
    if value.adjusted() < -18 or len(value.as_tuple().digits) > 40:
        return "has too many digits"
    return None


def _explain(struct: type[msgspec.Struct], data: bytes, within: str = "") -> list[FieldError]:
    """Find all that is wrong with some data, field by field: the decoder stops at the first."""
    try:
        given = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return [FieldError(within.rstrip(".") or "data", "must be an object")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    unknown = [name for name in given if name not in fields]
    problems = [FieldError(within + name[:64], "is not a field of this message") for name in unknown[:MOST_UNKNOWN]]
    if len(unknown) > MOST_UNKNOWN:
        told = f"has {len(unknown)} fields that this message does not know"
        problems.append(FieldError(within.rstrip(".") or "data", told))
    hints = get_type_hints(struct, include_extras=True)
    lacking = {each.path for each in _lacking(struct, {name: _plain(raw) for name, raw in given.items()})}
    for name, field in fields.items():
        path = within + name
        if name not in given:
            if field.required or name in lacking:
                problems.append(FieldError(path, "is required"))
            continue
        inner = _struct_in(hints[field.name])
        if inner is not None and bytes(given[name]) != b"null":
            problems += _explain(inner, bytes(given[name]), f"{path}.")
            continue
        try:
            value = msgspec.json.decode(given[name], type=_without_unset(hints[field.name]))
        except msgspec.ValidationError as error:
            problems.append(FieldError(path, _worded(str(error))))
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            problems.append(FieldError(path, "can't be read"))
        else:
            problem = _problem_with(value) if isinstance(value, Decimal) else None
            if problem:
                problems.append(FieldError(path, problem))
    return problems


def _without_unset(hint: Any) -> Any:
    """Return a field's type without the one that only says that it may be left out."""
    options = [option for option in get_args(hint) if option is not msgspec.UnsetType]
    return options[0] if msgspec.UnsetType in get_args(hint) and len(options) == 1 else hint


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    """Return the struct that a field holds, None where it holds none or only within a list or a map."""
    options = get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)
    return next((each for each in options if isinstance(each, type) and issubclass(each, msgspec.Struct)), None)


def _worded(error: str) -> str:
    """Turn the decoder's words into ours: "Expected `int`, got `str`" → "must be int, not str"."""
    text = error.split(" - at ")[0].replace("`", "")
    if text.startswith("Expected ") and ", got " in text:
        return "must be " + text.removeprefix("Expected ").replace(", got ", ", not ").replace("null", "nothing")
    if text.startswith("Expected "):
        return "must be " + text.removeprefix("Expected ")
    return text[:1].lower() + text[1:]


def _told(problems: list[FieldError]) -> str:
    return "; ".join(f"{problem.path} {problem.message}" for problem in problems[:20]) + "."


def encode(kind: str, data: object, request_id: RequestId = None) -> str:
    """Encode a reply or an ephemeral event as the text of its frame."""
    return _encoder.encode(Frame(type=kind, request_id=request_id, data=data)).decode()


def encode_event(kind: str, channel: str, seq: int, epoch: str, data: object) -> str:
    """Encode a durable event as the text of its frame, once for all who get it."""
    return _encoder.encode(Frame(type=kind, channel=channel, seq=seq, epoch=epoch, data=data)).decode()
