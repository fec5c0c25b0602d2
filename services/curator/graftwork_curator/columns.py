"""Columns of the published rows: TRL's names first, ours in one struct that is dropped in one line.

The columns are those of the job's output schema, so every layout reads as TRL expects it. Beside them
stands ``graftwork``: where the row comes from, and whatever the record held that the schema does not
declare.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from graftwork.contracts.records import EXTRAS_COLUMN
from graftwork.contracts.records import OutputSpec
from graftwork.contracts.workflows import SampleRow
from graftwork_curator.cells import CellFactory
from graftwork_curator.cells import DoesNotFit
from graftwork_curator.cells import Extra
from graftwork_curator.cells import json_text

TRL_NAMES = ("messages", "prompt", "completion", "chosen", "rejected", "completions", "label", "labels", "text")
_RECORD = "record"
_EXTRAS = pa.struct(
    [
        ("sample_id", pa.string()),
        ("seed_index", pa.int64()),
        ("seed", pa.string()),
        ("job_id", pa.string()),
        ("node_id", pa.string()),
        ("workflow_sha256", pa.string()),
        ("undeclared", pa.string()),
    ]
)


@dataclass(frozen=True)
class Origin:
    """What all rows of a dataset share: the job, and the node and workflow that made them."""

    job_id: str
    node_id: str | None = None
    workflow_sha256: str | None = None


class Columns:
    """Explicit Arrow schema of a job's rows, and the way from a sample to a row of it.

    A schema that declares no properties has one column ``record`` with the record as JSON. No property has
    the name of our own column: such a job is refused.
    """

    def __init__(self, output: OutputSpec) -> None:
        declared: Mapping[str, Any] = output.json_schema.get("properties") or {}
        order = sorted(declared, key=lambda name: TRL_NAMES.index(name) if name in TRL_NAMES else len(TRL_NAMES))
        self._record = CellFactory(output.json_schema).struct({name: declared[name] for name in order})
        self.names = tuple(order) or (_RECORD,)
        self.extras = EXTRAS_COLUMN

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema: the record's columns, then ours."""
        cells = self._record.fields
        types = [(name, cells[name].arrow if name in cells else pa.string()) for name in self.names]
        return pa.schema([*types, (self.extras, _EXTRAS)])

    def fault(self, record: Mapping[str, Any]) -> str | None:
        """Why the record does not fit its columns, e.g. an integer beyond 64 bits; None if it does."""
        try:
            self._values(record)
        except DoesNotFit as misfit:
            return str(misfit)
        return None

    def row(self, sample: SampleRow, origin: Origin) -> dict[str, Any]:
        """Row of an accepted sample. Raises ``DoesNotFit``."""
        if sample.output is None:
            raise DoesNotFit(f"{sample.sample_id} failed and has no output")
        values, undeclared = self._values(sample.output)
        ours = {
            "sample_id": sample.sample_id,
            "seed_index": sample.seed_index,
            "seed": json_text(dict(sample.seed)),
            "job_id": origin.job_id,
            "node_id": origin.node_id,
            "workflow_sha256": origin.workflow_sha256,
            "undeclared": json_text(undeclared) if undeclared else None,
        }
        return {**values, self.extras: ours}

    def _values(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], Extra]:
        if not self._record.fields:
            return {_RECORD: json_text(dict(record))}, {}
        undeclared: Extra = {}
        values: dict[str, Any] = self._record.convert(record, "", undeclared)
        return values, undeclared
