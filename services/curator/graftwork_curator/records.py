"""Whether a record may be published: it fits the job's JSON schema and the columns made from it."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from graftwork.contracts.records import OutputSpec
from graftwork_curator.columns import Columns
from graftwork_curator.errors import UnusableSchema

_DETAIL_CHARS = 300


class RecordCheck:
    """Checks records of one job. References lead nowhere but into the schema itself: nothing is fetched."""

    def __init__(self, output: OutputSpec) -> None:
        self._validator = Draft202012Validator(output.json_schema, registry=Registry())
        self._columns = Columns(output)

    def fault(self, record: Mapping[str, Any]) -> str | None:
        """The most telling fault, as one bounded line, or None. Raises ``UnusableSchema``."""
        try:
            error = best_match(self._validator.iter_errors(record))
        except Unresolvable as unresolved:
            raise UnusableSchema(f"the output schema refers to {unresolved.ref!r}, which it does not hold") from None
        if error is None:
            return self._columns.fault(record)
        return f"{error.json_path}: {error.message}"[:_DETAIL_CHARS]
