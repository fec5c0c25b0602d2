"""How far a consumer group is behind, in records and in time. Pure."""

from collections.abc import Hashable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic
from typing import TypeVar

P = TypeVar("P", bound=Hashable)
"""What names a partition."""
_SEEN_MOST = 256


@dataclass(frozen=True)
class Stand:
    """A partition: its first offset, the offset after its last record, and the group's next (None: never committed)."""

    begin: int
    end: int
    committed: int | None = None

    @property
    def next(self) -> int:
        """Offset that the group goes on with; what retention has deleted is passed over."""
        return max(self.begin, self.committed or 0)

    @property
    def lag(self) -> int:
        """Records that the group has not admitted."""
        return max(0, self.end - self.next)


class Waits(Generic[P]):
    """Since when the oldest record of each partition waits that its group has not admitted.

    Kafka tells offsets, not ages. But whoever looks again and again knows when it first saw an end behind the record.
    That is a lower bound: late by at most the pause between two looks, and zero at the first look.
    """

    def __init__(self) -> None:
        self._ends: dict[P, list[tuple[float, int]]] = {}

    def observe(self, stands: Mapping[P, Stand], at: float) -> Mapping[P, float]:
        """Seconds that each partition's oldest record has been seen to wait at time ``at``; 0: none waits."""
        self._ends = {partition: self._behind(partition, stand, at) for partition, stand in stands.items()}
        return {partition: at - ends[0][0] if ends else 0.0 for partition, ends in self._ends.items()}

    def _behind(self, partition: P, stand: Stand, at: float) -> list[tuple[float, int]]:
        """Ends behind the group's next record, with the time each was first seen."""
        ends = [(seen, end) for seen, end in self._ends.get(partition, []) if stand.next < end <= stand.end]
        if stand.lag and (not ends or ends[-1][1] < stand.end):
            ends.append((at, stand.end))
        if len(ends) > _SEEN_MOST:
            del ends[1::2]  # the first stays; of what came later, the times get coarser
        return ends
