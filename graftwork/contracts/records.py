"""What one record of a dataset looks like: its layout, its JSON schema, and our own column beside it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated
from typing import Any
from typing import Self

from jsonschema import Draft202012Validator
from jsonschema import FormatChecker
from jsonschema.exceptions import SchemaError
from pydantic import AfterValidator
from pydantic import Field
from pydantic import model_validator

from graftwork.contracts.base import Written

EXTRAS_COLUMN = "graftwork"
_NO_FORMATS = FormatChecker(())
"""Jsonschema's own would take patterns for Python's; they are ECMA 262's, and the gateway knows an engine for these."""


def _checked_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        Draft202012Validator.check_schema(schema, format_checker=_NO_FORMATS)
    except SchemaError as error:
        msg = f"not a JSON schema: {error.message}"
        raise ValueError(msg) from error
    if schema.get("type") != "object":
        msg = "a record's schema must have type: object"
        raise ValueError(msg)
    if EXTRAS_COLUMN in schema.get("properties", {}):
        msg = f"a record may not have a property named {EXTRAS_COLUMN}: our own column has that name"
        raise ValueError(msg)
    return schema


RecordSchema = Annotated[Mapping[str, Any], AfterValidator(_checked_schema)]


class Layout(StrEnum):
    """Column conventions of the published rows (TRL's names)."""

    PROMPT_COMPLETION = "prompt_completion"
    MESSAGES = "messages"
    TEXT = "text"
    CUSTOM = "custom"


_TEXT = {"type": "string", "minLength": 1}
_MESSAGE = {
    "type": "object",
    "properties": {"role": {"enum": ["system", "user", "assistant"]}, "content": _TEXT},
    "required": ["role", "content"],
    "additionalProperties": False,
}
_LAYOUT_PROPERTIES: dict[Layout, dict[str, Any]] = {
    Layout.PROMPT_COMPLETION: {"prompt": _TEXT, "completion": _TEXT},
    Layout.MESSAGES: {"messages": {"type": "array", "items": _MESSAGE, "minItems": 2}},
    Layout.TEXT: {"text": _TEXT},
}


class OutputSpec(Written):
    """What one record looks like. ``record_schema`` is needed for layout ``custom`` only."""

    layout: Layout = Layout.PROMPT_COMPLETION
    record_schema: RecordSchema | None = None
    license: str = "other"
    near_duplicate_similarity: float = Field(
        default=0.85, gt=0, le=1, description="estimated Jaccard similarity from which a row is a near duplicate"
    )

    @model_validator(mode="after")
    def _custom_has_a_schema(self) -> Self:
        if (self.layout is Layout.CUSTOM) != (self.record_schema is not None):
            msg = "record_schema belongs to layout custom, and layout custom needs one"
            raise ValueError(msg)
        return self

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """The JSON schema that every record must fit."""
        if self.record_schema is not None:
            return self.record_schema
        properties = _LAYOUT_PROPERTIES[self.layout]
        return {
            "type": "object",
            "properties": properties,
            "required": sorted(properties),
            "additionalProperties": False,
        }
