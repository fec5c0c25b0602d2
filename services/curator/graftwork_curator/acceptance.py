"""Judges candidates one by one, in seed order: accepted, rejected, failed or surplus.

Every candidate has exactly one outcome, so attempted = accepted + rejected + failed + surplus. Only
accepted rows are remembered; judging the same rows in one round or in several gives the same verdicts.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from typing import Protocol

from pydantic import Field

from graftwork.contracts.base import Contract
from graftwork.contracts.workflows import SampleRow
from graftwork_curator.dedup import Fingerprint
from graftwork_curator.dedup import SeenRows
from graftwork_curator.dedup import fingerprint

UNKNOWN_FAILURE = "unknown"


class Outcome(StrEnum):
    """What became of a candidate."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    SURPLUS = "surplus"


class Rejection(StrEnum):
    """Why a good sample is not taken. Readers accept reasons they do not know."""

    SCHEMA_INVALID = "schema_invalid"
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True)
class Verdict:
    """One candidate's outcome; ``reason`` and ``detail`` are set for rejected and failed ones."""

    row: SampleRow
    outcome: Outcome
    reason: str | None = None
    detail: str | None = None


class Tally(Contract):
    """Candidates by outcome; ``attempted`` is their sum."""

    accepted: int = 0
    rejected: Mapping[str, int] = Field(default_factory=dict)
    failed: Mapping[str, int] = Field(default_factory=dict)
    surplus: int = 0

    @property
    def attempted(self) -> int:
        """All candidates judged."""
        return self.accepted + sum(self.rejected.values()) + sum(self.failed.values()) + self.surplus

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            accepted=self.accepted + other.accepted,
            rejected=added(self.rejected, other.rejected),
            failed=added(self.failed, other.failed),
            surplus=self.surplus + other.surplus,
        )


class Check(Protocol):
    """Says what is wrong with a record, or nothing."""

    def fault(self, record: Mapping[str, Any]) -> str | None:
        """Readable reason why the record cannot be published, or None."""
        ...


class Acceptance:
    """Takes up to ``needed`` rows that pass ``check`` and have no twin in ``seen``, which it extends."""

    def __init__(self, check: Check, seen: SeenRows, *, needed: int) -> None:
        self._check = check
        self._seen = seen
        self._needed = needed

    def judge(self, row: SampleRow) -> Verdict:
        """Verdict on the next candidate in seed order."""
        if row.output is None:
            return Verdict(row, Outcome.FAILED, row.reason or UNKNOWN_FAILURE, row.detail)
        fault = self._check.fault(row.output)
        if fault is not None:
            return Verdict(row, Outcome.REJECTED, Rejection.SCHEMA_INVALID, fault)
        mark = fingerprint(row.output)
        return self._duplicate(row, mark) or self._take(row, mark)

    def _duplicate(self, row: SampleRow, mark: Fingerprint) -> Verdict | None:
        twin = self._seen.twin_of(mark)
        if twin is None:
            return None
        reason = Rejection.EXACT_DUPLICATE if twin.exact else Rejection.NEAR_DUPLICATE
        return Verdict(row, Outcome.REJECTED, reason, f"of {twin.sample_id}")

    def _take(self, row: SampleRow, mark: Fingerprint) -> Verdict:
        if self._needed == 0:
            return Verdict(row, Outcome.SURPLUS)
        self._needed -= 1
        self._seen.remember(row.sample_id, mark)
        return Verdict(row, Outcome.ACCEPTED)


def tally(verdicts: Iterable[Verdict]) -> Tally:
    """Count verdicts by outcome and reason."""
    counts = Counter((v.outcome, v.reason or "") for v in verdicts)
    return Tally(
        accepted=counts[Outcome.ACCEPTED, ""],
        rejected={reason: n for (outcome, reason), n in sorted(counts.items()) if outcome is Outcome.REJECTED},
        failed={reason: n for (outcome, reason), n in sorted(counts.items()) if outcome is Outcome.FAILED},
        surplus=counts[Outcome.SURPLUS, ""],
    )


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Sum two counts by reason."""
    return {reason: one.get(reason, 0) + other.get(reason, 0) for reason in sorted({*one, *other})}
