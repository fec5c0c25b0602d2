"""JSON Schemas as tables: one row a field, types that are readable and lead to where they are described."""

import json
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from publishing.text import link
from publishing.text import page
from publishing.text import table

Schema = Mapping[str, Any]

_HEAD = ("field", "type", "presence", "meaning")
_FORMATS = {"date-time": "time"}
_BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "length ≥ {}",
    "maxItems": "length ≤ {}",
    "pattern": "`{}`",
}


def fields_table(schema: Schema) -> str:
    """The fields of an object, the required ones first."""
    required = schema.get("required", ())
    fields = schema.get("properties", {})
    names = [*(name for name in fields if name in required), *(name for name in fields if name not in required)]
    return table(_HEAD, (_row(name, fields[name], required=name in required) for name in names))


def described(name: str, schema: Schema) -> str:
    """A named type under a heading of its own."""
    allowed = ", ".join(f"`{value}`" for value in schema.get("enum", ()))
    told = table(("value",), [(f"One of {allowed}",)]) if allowed else fields_table(schema)
    return page(f"### {name}", schema.get("description", ""), told or type_of(schema)).rstrip("\n")


def type_of(schema: Schema) -> str:
    """A type in a few words."""
    bounds = [form.format(_whole(schema[key])) for key, form in _BOUNDS.items() if key in schema]
    return ", ".join([" or ".join(_kinds(schema)), *bounds])


def _row(name: str, schema: Schema, *, required: bool) -> tuple[str, ...]:
    return f"`{name}`", type_of(schema), _presence(schema, required=required), schema.get("description", "")


def _presence(schema: Schema, *, required: bool) -> str:
    if required:
        return "required"
    if "default" not in schema:
        return "optional"
    default = schema["default"]
    return f"default `{default if isinstance(default, str) else json.dumps(default)}`"


def _whole(bound: Any) -> Any:
    """Bounds of integers may be written as floats."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _kinds(schema: Schema) -> Iterator[str]:
    if "$ref" in schema:
        yield link(schema["$ref"].rpartition("/")[2])
    elif "anyOf" in schema:
        yield from (type_of(each) for each in schema["anyOf"])
    elif "const" in schema:
        yield f"`{schema['const']}`"
    elif "enum" in schema:
        yield from (f"`{value}`" for value in schema["enum"])
    elif schema.get("type") == "array":
        yield f"list of {_items(schema)}"
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        yield f"map of {type_of(schema['additionalProperties'])}"
    else:
        yield str(_FORMATS.get(schema.get("format", ""), schema.get("type", "anything")))


def _items(schema: Schema) -> str:
    if "prefixItems" in schema:
        return " and ".join(type_of(each) for each in schema["prefixItems"])
    return type_of(schema.get("items", {}))
