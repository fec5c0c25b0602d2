"""JSON schema -> Arrow type, with the conversion of values that fit it.

What has one obvious Arrow type gets it: strings, numbers, booleans, lists, objects with declared
properties, and their nullable forms. Everything else (unions, free-form objects, tuples, recursive
schemas) becomes a string that holds JSON, so that nothing is lost. Every cell may be null.

Keys that an open object has beyond its declared properties are handed to ``extra`` under their JSON
pointer (RFC 6901); the caller keeps them.
"""

import math
from abc import ABC
from abc import abstractmethod
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from typing_extensions import override

from graftwork.contracts.ids import canonical_json

Extra = dict[str, Any]
_INT64 = range(-(2**63), 2**63)
_ALTERNATIVES = ("anyOf", "oneOf", "allOf")


class DoesNotFit(ValueError):
    """A value that its Arrow type cannot hold; the message says where and why."""


class Cell(ABC):
    """An Arrow type and the way into it."""

    arrow: pa.DataType

    def convert(self, value: Any, where: str, extra: Extra) -> Any:
        """Value for Arrow, None for null. Raises ``DoesNotFit``."""
        return None if value is None else self._convert(value, where, extra)

    @abstractmethod
    def _convert(self, value: Any, where: str, extra: Extra) -> Any: ...


class _Text(Cell):
    arrow = pa.string()

    @override
    def _convert(self, value: Any, where: str, extra: Extra) -> str:
        if not isinstance(value, str):
            raise DoesNotFit(f"{where}: {type(value).__name__} in a column of strings")
        return value


class _Truth(Cell):
    arrow = pa.bool_()

    @override
    def _convert(self, value: Any, where: str, extra: Extra) -> bool:
        if not isinstance(value, bool):
            raise DoesNotFit(f"{where}: {type(value).__name__} in a column of booleans")
        return value


class _Integer(Cell):
    arrow = pa.int64()

    @override
    def _convert(self, value: Any, where: str, extra: Extra) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
            raise DoesNotFit(f"{where}: not an integer")
        if int(value) not in _INT64:
            raise DoesNotFit(f"{where}: beyond 64 bits")
        return int(value)


class _Number(Cell):
    arrow = pa.float64()

    @override
    def _convert(self, value: Any, where: str, extra: Extra) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise DoesNotFit(f"{where}: {type(value).__name__} in a column of numbers")
        try:
            number = float(value)
        except OverflowError as error:
            raise DoesNotFit(f"{where}: beyond the range of a float") from error
        if not math.isfinite(number):
            raise DoesNotFit(f"{where}: not a finite number")
        return number


class _Json(Cell):
    arrow = pa.string()

    @override
    def _convert(self, value: Any, where: str, extra: Extra) -> str:
        return json_text(value)


class _List(Cell):
    def __init__(self, item: Cell) -> None:
        self._item = item
        self.arrow = pa.list_(item.arrow)

    @override
    def _convert(self, value: Any, where: str, extra: Extra) -> list[Any]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise DoesNotFit(f"{where}: {type(value).__name__} in a column of lists")
        return [self._item.convert(item, f"{where}/{i}", extra) for i, item in enumerate(value)]


class Struct(Cell):
    """An object with declared properties, in the order given."""

    def __init__(self, fields: Mapping[str, Cell]) -> None:
        self.fields = fields
        self.arrow = pa.struct([(name, cell.arrow) for name, cell in fields.items()])

    @override
    def _convert(self, value: Any, where: str, extra: Extra) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise DoesNotFit(f"{where}: {type(value).__name__} in a column of objects")
        extra.update({_pointer(where, name): value[name] for name in value if name not in self.fields})
        return {name: cell.convert(value.get(name), _pointer(where, name), extra) for name, cell in self.fields.items()}


def json_text(value: Any) -> str:
    """Value as one line of JSON."""
    return canonical_json(value).decode()


def _pointer(where: str, name: str) -> str:
    return f"{where}/{name.replace('~', '~0').replace('/', '~1')}"


class CellFactory:
    """Makes the cells of one schema document, whose ``$defs`` it knows."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def struct(self, properties: Mapping[str, Any]) -> Struct:
        """Object with these properties."""
        return self._struct(properties, frozenset())

    def _struct(self, properties: Mapping[str, Any], above: frozenset[str]) -> Struct:
        return Struct({name: self._cell(schema, above) for name, schema in properties.items()})

    def _cell(self, schema: Any, above: frozenset[str]) -> Cell:
        """Cell of a schema; ``above``: references followed on the way here, to see recursion."""
        if not isinstance(schema, Mapping):
            return _Json()
        if "$ref" in schema:
            return self._referenced(str(schema["$ref"]), above)
        if "type" in schema:
            return self._typed(_without_null(schema["type"]), schema, above)
        if "const" in schema or "enum" in schema:
            return _cell_of_values(schema.get("enum", [schema.get("const")]))
        return self._only_alternative(schema, above)

    def _referenced(self, reference: str, above: frozenset[str]) -> Cell:
        if reference in above or not reference.startswith("#"):
            return _Json()
        target: Any = self._document
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            target = target.get(name) if isinstance(target, Mapping) else None
        return self._cell(target, above | {reference})

    def _typed(self, types: frozenset[str], schema: Mapping[str, Any], above: frozenset[str]) -> Cell:
        if types in _SCALARS:
            return _SCALARS[types]()
        if types == {"array"} and isinstance(schema.get("items"), Mapping) and "prefixItems" not in schema:
            return _List(self._cell(schema["items"], above))
        if types == {"object"} and schema.get("properties"):
            return self._struct(schema["properties"], above)
        return _Json()

    def _only_alternative(self, schema: Mapping[str, Any], above: frozenset[str]) -> Cell:
        present = [key for key in _ALTERNATIVES if key in schema]
        if len(present) != 1:
            return _Json()
        others = [option for option in schema[present[0]] if option != {"type": "null"}]
        return self._cell(others[0], above) if len(others) == 1 else _Json()


def _without_null(types: str | Sequence[str]) -> frozenset[str]:
    return frozenset([types] if isinstance(types, str) else types) - {"null"}


def _cell_of_values(values: Sequence[Any]) -> Cell:
    types = frozenset(_TYPE_NAMES.get(type(value), "object") for value in values if value is not None)
    return _SCALARS.get(types, _Json)()


_SCALARS: Mapping[frozenset[str], type[Cell]] = {
    frozenset({"string"}): _Text,
    frozenset({"boolean"}): _Truth,
    frozenset({"integer"}): _Integer,
    frozenset({"number"}): _Number,
    frozenset({"integer", "number"}): _Number,
}
_TYPE_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number"}
