"""JSON schemas (draft 7, as AsyncAPI 3 takes them) of the structs that are the `data` of messages."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from realtime.protocol.codec import JS_SAFE, MAX_REQUEST_ID
from realtime.protocol.errors import CODES, ErrorData
from realtime.protocol.glossary import meaning
from realtime.protocol.messages import LARGEST, PlaceOrder

Schema = dict[str, Any]
TEMPLATE = "#/components/schemas/{name}"
REQUEST_ID: Schema = {
    "title": "RequestId",
    "description": "Chosen by the client; comes back in the answer as it came.",
    "oneOf": [
        {"type": "string", "maxLength": MAX_REQUEST_ID},
        {"type": "integer", "minimum": -JS_SAFE, "maximum": JS_SAFE},
    ],
}
AMOUNT: Schema = {
    "title": "Amount",
    "description": "An exact decimal, as a number or as a string.",
    "oneOf": [
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": int(LARGEST)},
        {"type": "string", "pattern": r"^(?=.*[1-9])\d{1,12}(\.\d{1,18})?$"},
    ],
}

CONDITIONS: dict[type[msgspec.Struct], Schema] = {
    PlaceOrder: {
        "anyOf": [
            {"required": ["size"]},
            {
                "required": ["reduce_only"],
                "properties": {
                    "reduce_only": {"const": True},
                    "order_type": {"not": {"enum": ["market", "limit"]}},
                },
            },
        ]
    }
}
"""What of a request's fields depends on others."""


def error_code() -> Schema:
    return {"title": "ErrorCode", "type": "string", "enum": list(CODES)}


def ref(name: str) -> Schema:
    return {"$ref": TEMPLATE.format(name=name)}


def component_schemas(structs: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """Return the schemas of some structs, and of all that they hold, by their names."""
    wanted = list(_with_held(structs))
    _, generated = msgspec.json.schema_components(wanted, ref_template=TEMPLATE)
    found: dict[str, Schema] = {"RequestId": REQUEST_ID, "Amount": AMOUNT, "ErrorCode": error_code()}
    for struct in wanted:
        found[struct.__name__] = _refined(struct, _portable(generated[struct.__name__]))
    code = found[ErrorData.__name__]["properties"]["code"]
    found[ErrorData.__name__]["properties"]["code"] = {"allOf": [ref("ErrorCode")], "description": code["description"]}
    return found


def _with_held(structs: Iterable[type[msgspec.Struct]]) -> Iterator[type[msgspec.Struct]]:
    """Yield structs and those that their fields hold, each once."""
    seen: set[type[msgspec.Struct]] = set()
    waiting = list(structs)
    while waiting:
        struct = waiting.pop(0)
        if struct not in seen:
            seen.add(struct)
            yield struct
            held = [field.type for field in msgspec.structs.fields(struct)]
            waiting += _structs_in(msgspec.inspect.multi_type_info(held))


def _structs_in(types: Iterable[msgspec.inspect.Type]) -> list[type[msgspec.Struct]]:
    found: list[type[msgspec.Struct]] = []
    for each in types:
        match each:
            case msgspec.inspect.StructType(cls=cls):
                found.append(cls)
            case msgspec.inspect.Metadata(type=inner):
                found += _structs_in([inner])
            case msgspec.inspect.UnionType(types=options):
                found += _structs_in(options)
            case msgspec.inspect.DictType(key_type=key, value_type=value):
                found += _structs_in([key, value])
            case msgspec.inspect.ListType(item_type=item) | msgspec.inspect.VarTupleType(item_type=item):
                found += _structs_in([item])
    return found


def _portable(schema: Any) -> Any:
    """Turn what only the decoder understands into what every validator does."""
    if isinstance(schema, list):
        return [_portable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return ref("Amount")
    ported = {key: _portable(value) for key, value in schema.items()}
    if isinstance(schema.get("pattern"), str):
        ported["pattern"] = schema["pattern"].replace(r"\Z", "$")  # the end of the text, in the dialect of JSON Schema
    return ported


def _refined(struct: type[msgspec.Struct], schema: Schema) -> Schema:
    """Add what each field means and, to what the server sends, which fields always come."""
    asked = schema.get("additionalProperties") is False
    schema |= CONDITIONS.get(struct, {})
    for name, field in schema["properties"].items():
        if not asked:
            field.pop("default", None)
        told = meaning(struct, name)
        if "$ref" in field:  # what stands beside a reference is not read
            schema["properties"][name] = field = {"allOf": [field]}
        if told:
            field["description"] = told
    if not asked:
        schema["required"] = [
            field.encode_name for field in msgspec.structs.fields(struct) if not may_lack(struct, field)
        ]
    return schema


def may_lack(struct: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> bool:
    """Tell whether the server leaves a field out at times: it has no value, or its struct leaves out defaults."""
    return field.default is msgspec.UNSET or (struct.__struct_config__.omit_defaults and not field.required)
