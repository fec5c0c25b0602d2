"""Minimal valid instances of JSON schemas, for the calls whose answer the server has no words for."""

from collections import deque
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from random import Random
from typing import Any

from jsonschema import Draft202012Validator
from rstr import Rstr

from tests.support.scripted_model.draws import Draws

Schema = Mapping[str, Any]
Text = Callable[[str], str]
"""Property name -> a text to put there."""


class UnsupportedSchemaError(ValueError):
    """No instance of the schema was found."""


class Filler:
    """Fills one schema. ``hints`` (property name -> values, in order) are used wherever they fit."""

    def __init__(self, root: Schema, *, text: Text, hints: Mapping[str, Sequence[Any]], draws: Draws) -> None:
        self._root = root
        self._text = text
        self._hints = {name: deque(values) for name, values in hints.items()}
        self._draws = draws
        self._drawn = 0

    def instance(self) -> Any:
        """A valid instance; raises ``UnsupportedSchemaError``."""
        found = self._fill(self._root, "")
        errors = list(Draft202012Validator(self._root).iter_errors(found))
        if errors:
            raise UnsupportedSchemaError(f"cannot fill the schema: {errors[0].message}")
        return found

    def _fill(self, schema: Schema, name: str) -> Any:
        schema = resolved(schema, self._root)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._hinted(name, schema, self._draws.choose(schema["enum"], self._next()))
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        fillers = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._number,
            "number": self._number,
        }
        if kind in fillers:
            return fillers[kind](schema, name)
        return {"boolean": True}.get(kind)

    def _object(self, schema: Schema, _name: str) -> dict[str, Any]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        wanted = [key for key in properties if key in schema.get("required", ()) or self._hints.get(key)]
        return {key: self._fill(properties[key], key) for key in wanted}

    def _array(self, schema: Schema, name: str) -> list[Any]:
        most = schema.get("maxItems", 1)
        count = min(most, max(schema.get("minItems", 0), 1))
        return [self._fill(schema.get("items", {}), name) for _ in range(count)]

    def _string(self, schema: Schema, name: str) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if "pattern" in schema:
            return str(self._hinted(name, schema, self._matching(schema["pattern"])))
        text = str(self._hinted(name, {}, self._text(name)))
        return text.ljust(least, ".")[:most]

    def _matching(self, pattern: str) -> str:
        seeded = Random(self._draws.below(1 << 32, self._next()))  # noqa: S311 - repeatable on purpose
        return Rstr(seeded).xeger(pattern)

    def _number(self, schema: Schema, name: str) -> Any:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 5) - ("exclusiveMaximum" in schema))
        drawn = low + self._draws.below(max(1, int(high - low) + 1), self._next())
        return self._hinted(name, schema, drawn)

    def _hinted(self, name: str, schema: Schema, otherwise: Any) -> Any:
        waiting = self._hints.get(name)
        if not waiting:
            return otherwise
        hint = waiting[0]
        waiting.rotate(-1)
        return hint if Draft202012Validator(schema).is_valid(hint) else otherwise

    def _next(self) -> int:
        self._drawn += 1
        return self._drawn


def resolved(schema: Schema, root: Schema) -> Schema:
    """``schema`` without references and alternatives: the first that is not null is taken."""
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        return resolved(target, root)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return resolved(next((one for one in schema[key] if one.get("type") != "null"), schema[key][0]), root)
    if "allOf" in schema:
        return {key: value for part in schema["allOf"] for key, value in resolved(part, root).items()}
    return schema


def hints_of(answer: Any) -> dict[str, list[Any]]:
    """Every leaf of ``answer`` by the name of its property, in order."""
    found: dict[str, list[Any]] = {}
    _collect(answer, "", found)
    return found


def _collect(value: Any, name: str, found: dict[str, list[Any]]) -> None:
    if isinstance(value, Mapping):
        for key, below in value.items():
            _collect(below, key, found)
    elif isinstance(value, list):
        for below in value:
            _collect(below, name, found)
    else:
        found.setdefault(name, []).append(value)
