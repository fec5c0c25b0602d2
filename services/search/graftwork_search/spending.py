"""Where the money of a job went: every report is a sum over the same entries, so that all of them agree. Pure."""

import math
from collections.abc import Callable
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic import Field

from graftwork.contracts.snapshots import PerRow
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import SpendPurpose
from graftwork.contracts.usage import Usage

# Sums of multiples of a power of two are exact in any order (up to 100,000 dollars, 53 bits hold them all), so the maps
# of a report equal its total to the last digit. What a call costs is moved by less than 1e-11 dollars.
_STEPS_PER_DOLLAR = 2**36
UNTOLD = "unknown"
"""Pool of what a silent worker is presumed to have spent."""
_METRICS_TASKS = ("propose_metrics", "calibrate")
_SUMMED_IN_ANOTHER_ORDER = 1e-9

Used = Mapping[str, Usage]
UsedByTask = Mapping[str, Used]


class Entry(BaseModel):
    """All usage of one stage, purpose and pool; ``presumed_of``: what a request may have used, since nobody told."""

    stage: str
    purpose: SpendPurpose
    pool: str
    usage: Usage = Usage()
    presumed_of: str | None = None


class Spending(BaseModel):
    """What a job has spent so far."""

    entries: list[Entry] = Field(default_factory=list)

    def book(self, stage: str, purpose: SpendPurpose, used: Used, by_task: UsedByTask | None = None) -> Usage:
        """Count an answer's usage (pool -> usage) and return what was booked.

        ``by_task`` (kind of task -> pool -> usage) tells metrics from scoring; it is left out of account where it
        does not sum to ``used``.
        """
        split = by_task if by_task and _agree(used, by_task) else {"": used}
        booked = [
            self._add(stage, _purpose(task, purpose), pool, exact(usage))
            for task, pools in split.items()
            for pool, usage in pools.items()
        ]
        return Usage.total(booked)

    def presume(self, stage: str, purpose: SpendPurpose, grant: Grant, request_id: str) -> None:
        """Count all that a silent worker was granted, until it is known better; what had no limit is unknown."""
        most = Usage(calls=grant.calls or 0, prompt_tokens=grant.tokens or 0, cost_usd=grant.cost_usd)
        self.entries.append(Entry(stage=stage, purpose=purpose, pool=UNTOLD, usage=exact(most), presumed_of=request_id))

    def withdraw(self, request_id: str) -> bool:
        """Forget what was presumed of a request; False if nothing was."""
        kept = [entry for entry in self.entries if entry.presumed_of != request_id]
        withdrawn = len(kept) < len(self.entries)
        self.entries = kept
        return withdrawn

    @property
    def total(self) -> Usage:
        """All of it."""
        return Usage.total(entry.usage for entry in self.entries)

    def report(self, *, accepted: int) -> SpendReport:
        """By pool, purpose and stage, and per accepted row."""
        return SpendReport(
            total=self.total,
            by_pool=self._by(lambda entry: entry.pool),
            by_purpose=self._by(lambda entry: entry.purpose.value),
            by_stage=self._by(lambda entry: entry.stage),
            per_row=per_row(self.total, accepted),
        )

    def _add(self, stage: str, purpose: SpendPurpose, pool: str, usage: Usage) -> Usage:
        place = (stage, purpose, pool, None)
        entry = next((e for e in self.entries if (e.stage, e.purpose, e.pool, e.presumed_of) == place), None)
        if entry is None:
            entry = Entry(stage=stage, purpose=purpose, pool=pool)
            self.entries.append(entry)
        entry.usage = entry.usage + usage
        return usage

    def _by(self, key: Callable[[Entry], str]) -> dict[str, Usage]:
        sums: dict[str, Usage] = {}
        for entry in self.entries:
            sums[key(entry)] = sums.get(key(entry), Usage()) + entry.usage
        return sums


def exact(usage: Usage) -> Usage:
    """The usage with its cost in steps that add up without rounding."""
    if usage.cost_usd is None:
        return usage
    return usage.model_copy(update={"cost_usd": round(usage.cost_usd * _STEPS_PER_DOLLAR) / _STEPS_PER_DOLLAR})


def per_row(total: Usage, rows: int) -> PerRow | None:
    """What one of ``rows`` cost; None without rows, and no cost where a price is unknown."""
    if not rows:
        return None
    cost = None if total.cost_usd is None else total.cost_usd / rows
    return PerRow(calls=total.calls / rows, tokens=total.tokens / rows, cost_usd=cost)


def _purpose(task: str, otherwise: SpendPurpose) -> SpendPurpose:
    return SpendPurpose.METRICS if task.startswith(_METRICS_TASKS) else otherwise


def _agree(used: Used, by_task: UsedByTask) -> bool:
    pools = {pool for task in by_task.values() for pool in task}
    if pools != set(used):
        return False
    summed = {pool: Usage.total(task[pool] for task in by_task.values() if pool in task) for pool in pools}
    return all(_same(summed[pool], used[pool]) for pool in pools)


def _same(one: Usage, other: Usage) -> bool:
    counts = (one.calls, one.prompt_tokens, one.completion_tokens)
    if counts != (other.calls, other.prompt_tokens, other.completion_tokens):
        return False
    if one.cost_usd is None or other.cost_usd is None:
        return one.cost_usd is other.cost_usd
    return math.isclose(
        one.cost_usd, other.cost_usd, rel_tol=_SUMMED_IN_ANOTHER_ORDER, abs_tol=_SUMMED_IN_ANOTHER_ORDER
    )
