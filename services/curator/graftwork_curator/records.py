"""Whether a record may be published: it fits the job's JSON schema and the columns made from it."""

from collections.abc import Mapping
from typing import Any

from referencing.exceptions import Unresolvable

from graftwork.contracts.records import OutputSpec
from graftwork.kit.errors import TooLargeToCheck
from graftwork.kit.errors import UnusablePattern
from graftwork.kit.fitting import Fitting
from graftwork_curator.columns import Columns
from graftwork_curator.errors import UnusableSchema

_DETAIL_CHARS = 300


class RecordCheck:
    """Checks records of one job. References lead nowhere but into the schema itself: nothing is fetched."""

    def __init__(self, output: OutputSpec) -> None:
        self._fitting = Fitting(output.json_schema)
        self._columns = Columns(output)

    def fault(self, record: Mapping[str, Any]) -> str | None:
        """The most telling fault, as one bounded line, or None. Raises ``UnusableSchema``."""
        try:
            error = self._fitting.fault(record)
        except TooLargeToCheck as large:
            return f"the record is {large}"
        except Unresolvable as unresolved:
            raise UnusableSchema(f"the output schema refers to {unresolved.ref!r}, which it does not hold") from None
        except UnusablePattern as unusable:
            raise UnusableSchema(str(unusable)) from unusable
        if error is None:
            return self._columns.fault(record)
        return f"{error.json_path}: {error.message}"[:_DETAIL_CHARS]
