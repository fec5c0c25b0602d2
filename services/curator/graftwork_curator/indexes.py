"""Duplicate indexes kept in memory between the rounds of a job.

Only a shortcut: an index can always be made again from the accepted rows. It is taken out while a
round is judged and put back once that round is committed, so an index that remembers rows which were
never accepted cannot come back.
"""

from dataclasses import dataclass

from graftwork_curator.dedup import SeenRows


@dataclass
class Index:
    """The accepted rows of the first ``rounds`` rounds of a job."""

    seen: SeenRows
    rounds: int = 0


class Indexes:
    """The indexes of the jobs seen last, at most ``capacity``. Used from one event loop only."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: dict[str, Index] = {}

    def take(self, job_id: str, similarity: float) -> Index:
        """Hand out the job's index, or an empty one; nobody else gets it until it is kept again."""
        return self._kept.pop(job_id, None) or Index(SeenRows(similarity))

    def keep(self, job_id: str, index: Index) -> None:
        """Keep the index as the one used last."""
        self._kept.pop(job_id, None)
        self._kept[job_id] = index
        while len(self._kept) > self._capacity:
            del self._kept[next(iter(self._kept))]
