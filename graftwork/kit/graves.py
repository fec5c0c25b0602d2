"""Counts the dead letters that wait: buried, and neither sent again, nor dismissed, nor gone with their time. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Generic

from graftwork.kit.dead_letters import Header
from graftwork.kit.dead_letters import settled_offset
from graftwork.kit.lag import P
from graftwork.kit.lag import Stand


class Graves(Generic[P]):
    """What lies on partitions of dead letter topics, as far as it was noted."""

    def __init__(self) -> None:
        self._waiting: dict[P, set[int]] = defaultdict(set)
        self._next: dict[P, int] = {}

    def unread(self, stands: Mapping[P, Stand]) -> dict[P, range]:
        """Partitions with records not noted yet, and the offsets of those."""
        unread = {one: range(self.next(one, stand), stand.end) for one, stand in stands.items()}
        return {one: offsets for one, offsets in unread.items() if offsets}

    def next(self, partition: P, stand: Stand) -> int:
        """Offset of the first record not noted yet."""
        return max(stand.begin, self._next.get(partition, 0))

    def note(self, partition: P, offset: int, headers: Iterable[Header]) -> None:
        """Take in a record: a letter, or the receipt of one that was sent again or dismissed."""
        settled = settled_offset(headers)
        if settled is None:
            self._waiting[partition].add(offset)
        else:
            self._waiting[partition].discard(settled)
        self._next[partition] = offset + 1

    def depths(self, stands: Mapping[P, Stand]) -> dict[P, int]:
        """Letters that wait on each partition; those that Kafka has deleted are forgotten."""
        for one, stand in stands.items():
            self._waiting[one] = {offset for offset in self._waiting[one] if stand.begin <= offset < stand.end}
        return {one: len(self._waiting[one]) for one in stands}
