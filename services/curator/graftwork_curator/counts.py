"""The counts of a published dataset, which add up and agree with its files."""

from collections.abc import Mapping

from graftwork.contracts.snapshots import ProductionCounts
from graftwork_curator.acceptance import Tally

STOPPED = "stopped"


def reconciled(told: ProductionCounts, judged: Tally) -> ProductionCounts:
    """Counts from what search told and what was judged here.

    Ours are right for all candidates that reached us. Search alone knows how many were wanted, and the
    candidates that failed before they reached anybody; those never judged stay the difference between
    ``attempted`` and the sum of the parts. What search gave up as stopped may have been judged here all the same,
    when our answer was late: only the rest of it counts.
    """
    failed = _larger({reason: n for reason, n in told.failed.items() if reason != STOPPED}, judged.failed)
    parts = judged.accepted + sum(judged.rejected.values()) + sum(failed.values()) + judged.surplus
    stopped = min(told.failed.get(STOPPED, 0), max(0, told.attempted - parts))
    if stopped:
        failed[STOPPED] = stopped
    parts += stopped
    return told.model_copy(
        update={
            "attempted": max(told.attempted, parts),
            "accepted": judged.accepted,
            "rejected": judged.rejected,
            "failed": failed,
            "surplus": judged.surplus,
        }
    )


def never_judged(counts: ProductionCounts) -> int:
    """Candidates that were attempted and have no outcome: the job ended before they were looked at."""
    parts = counts.accepted + sum(counts.rejected.values()) + sum(counts.failed.values()) + counts.surplus
    return counts.attempted - parts


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {reason: max(one.get(reason, 0), other.get(reason, 0)) for reason in sorted({*one, *other})}
