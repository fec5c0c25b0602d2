"""Payloads that nobody needs any more: of jobs and datasets that are gone.

Safe beside services at work. What is young is left alone; the ledgers are asked after the store was listed, and once
more right before something is deleted; and then only what was old enough when it was looked at last. Payloads that a
crash left beside those of a job that lives go with the job.
"""

from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Protocol

from graftwork.admin.blob_groups import Group
from graftwork.admin.blob_groups import group_of
from graftwork.admin.errors import NothingKnown
from graftwork.admin.references import Known
from graftwork.kit.blobs import PING
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing

_BATCH = 200
OnProgress = Callable[[int], None]


class Ledgers(Protocol):
    """Who knows what is in use."""

    async def of(self, prefixes: Collection[str]) -> Known:
        """What is known of these groups."""
        ...


@dataclass
class Total:
    """How many payloads, and how large together."""

    files: int = 0
    size_bytes: int = 0

    def add(self, files: int, size_bytes: int) -> None:
        """Count more."""
        self.files += files
        self.size_bytes += size_bytes


@dataclass
class Survey:
    """What lies in a store: ``garbage`` by size, and the rest in sum.

    ``young``: nobody needs it, but it is too young to be sure. ``foreign``: not ours.
    """

    garbage: list[Group] = field(default_factory=list)
    used: Total = field(default_factory=Total)
    young: Total = field(default_factory=Total)
    foreign: Total = field(default_factory=Total)
    known: bool = False

    @property
    def total(self) -> Total:
        """All garbage."""
        return Total(sum(one.files for one in self.garbage), sum(one.size_bytes for one in self.garbage))


def _nobody(_files: int) -> None:
    """Nobody wants to know."""


async def survey(blobs: Blobs, ledgers: Ledgers, cutoff: datetime, *, on_progress: OnProgress = _nobody) -> Survey:
    """Look for groups that no ledger names and of which nothing was written after ``cutoff``."""
    found = Survey()
    groups = await _groups(blobs, found.foreign, on_progress)
    for batch in _batches(groups):
        known = await ledgers.of([group.prefix for group in batch])
        found.known = found.known or known.any
        for group in batch:
            if group.prefix in known.used:
                found.used.add(group.files, group.size_bytes)
            elif group.newest > cutoff:
                found.young.add(group.files, group.size_bytes)
            else:
                found.garbage.append(group)
    found.garbage.sort(key=lambda group: (-group.size_bytes, group.prefix))
    return found


def require_known(found: Survey, where: str) -> None:
    """Raise ``NothingKnown`` where there is garbage and nothing else: then it hardly is any."""
    if found.garbage and not found.known:
        raise NothingKnown(
            f"the ledgers have never heard of any of the jobs in {where}: check GRAFTWORK_BLOBS, GRAFTWORK_MONGO and "
            "GRAFTWORK_NAMESPACE; if all of these jobs are really gone, --none-known deletes their payloads"
        )


async def sweep(blobs: Blobs, ledgers: Ledgers, groups: Sequence[Group], cutoff: datetime) -> AsyncIterator[Group]:
    """Delete garbage; yield what was deleted of each group. What came to be used meanwhile stays."""
    for batch in _batches(groups):
        known = await ledgers.of([group.prefix for group in batch])
        for group in batch:
            if group.prefix not in known.used:
                deleted = await _deleted(blobs, group.prefix, cutoff)
                if deleted is not None:
                    yield deleted


async def _groups(blobs: Blobs, foreign: Total, on_progress: OnProgress) -> list[Group]:
    groups: dict[str, Group] = {}
    seen = 0
    async for page in blobs.entries():
        for entry in page:
            prefix = group_of(entry.key)
            if entry.key == PING:
                continue
            if prefix is None:
                foreign.add(1, entry.size_bytes)
            elif prefix in groups:
                groups[prefix].add(entry)
            else:
                groups[prefix] = Group.of(prefix, entry)
        seen += len(page)
        on_progress(seen)
    return list(groups.values())


async def _deleted(blobs: Blobs, prefix: str, cutoff: datetime) -> Group | None:
    """Delete a group unless something of it is young by now."""
    entries = [entry async for page in blobs.entries(prefix) for entry in page if group_of(entry.key) == prefix]
    if not entries or any(entry.modified_at > cutoff for entry in entries):
        return None
    group = Group.of(prefix, entries[0])
    for entry in entries[1:]:
        group.add(entry)
    with suppress(BlobMissing):  # its service deletes it too, and was faster; what it left is there the next time
        await blobs.delete([entry.key for entry in entries])
    return group


def _batches(groups: Sequence[Group]) -> Iterator[Sequence[Group]]:
    for first in range(0, len(groups), _BATCH):
        yield groups[first : first + _BATCH]
