"""Arrow's view of a dataset's columns, before and after a conversion."""

from collections.abc import Mapping

import pyarrow as pa

from graftwork.exports.sources import Kind
from graftwork.exports.targets import Cell
from graftwork.exports.targets import Conversion

_TYPES: Mapping[Cell, pa.DataType] = {
    Cell.TEXT: pa.string(),
    Cell.PAIRS: pa.list_(pa.list_(pa.string())),
    Cell.MESSAGES: pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
    Cell.SAID: pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())])),
}


def kinds_of(schema: pa.Schema) -> dict[str, Kind]:
    """Return the kind of every column, in order."""
    return {field.name: _kind(field.type) for field in schema}


def schema_after(conversion: Conversion, schema: pa.Schema) -> pa.Schema:
    """Return the schema of the converted rows of a dataset with this one."""
    made = [(name, _TYPES[cell]) for name, cell in conversion.made.items()]
    return pa.schema([*made, *(schema.field(name) for name in conversion.kept)])


def _kind(arrow: pa.DataType) -> Kind:
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return Kind.TEXT
    return Kind.LIST if pa.types.is_list(arrow) or pa.types.is_large_list(arrow) else Kind.OTHER
