"""Rows as they lie in blobs: candidates in, accepted and discarded rows out."""

from collections.abc import Iterable

from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.contracts.workflows import SampleRow
from graftwork_curator.acceptance import Outcome
from graftwork_curator.acceptance import Verdict

UNREADABLE = "unreadable"


class Discarded(SampleRow):
    """A candidate that is not in the dataset, and why: one line of ``rejected.jsonl``."""

    outcome: Outcome

    @classmethod
    def of(cls, verdict: Verdict) -> "Discarded":
        """Take the verdict's reason; a failed candidate keeps its own."""
        told = verdict.row.model_dump()
        return cls(**{**told, "outcome": verdict.outcome, "reason": verdict.reason, "detail": verdict.detail})


def candidates(data: bytes, name: str) -> list[SampleRow]:
    """Candidates of one chunk in seed order; ``name`` tells where an unreadable line lies.

    A line that is no sample row becomes a failed candidate: it was attempted and counts.
    """
    rows = [_candidate(line, f"{name}:{number}") for number, line in enumerate(data.splitlines(), start=1)]
    return sorted(rows, key=lambda row: row.seed_index)


def jsonl(rows: Iterable[BaseModel]) -> bytes:
    """JSON lines; what JSON cannot say (NaN, infinity) becomes null."""
    return b"".join(row.model_dump_json().encode() + b"\n" for row in rows)


def _candidate(line: bytes, where: str) -> SampleRow:
    try:
        return SampleRow.model_validate_json(line)
    except ValidationError as error:
        detail = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        return SampleRow(sample_id=where, seed_index=0, seed={}, reason=UNREADABLE, detail=detail)
