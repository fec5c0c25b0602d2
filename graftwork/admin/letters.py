"""Dead letters as records of a topic: what they tell, what is sent again, and what is noted of that. Pure.

A Kafka topic cannot be edited, so that a letter was replayed or dismissed is a record of its own, a receipt, on the
same partition of the same topic (docs/adr/0012).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from enum import StrEnum
from typing import Any

from graftwork.kit.dead_letters import CLASS
from graftwork.kit.dead_letters import DISMISSED_OFFSET
from graftwork.kit.dead_letters import ORIGIN_OFFSET
from graftwork.kit.dead_letters import ORIGIN_PARTITION
from graftwork.kit.dead_letters import REASON
from graftwork.kit.dead_letters import REPLAYED_OFFSET
from graftwork.kit.dead_letters import SERVICE
from graftwork.kit.dead_letters import TRUNCATED
from graftwork.kit.dead_letters import Deaths
from graftwork.kit.dead_letters import Header
from graftwork.kit.dead_letters import settled_offset
from graftwork.kit.dead_letters import without_ours

_UNKNOWN = "unknown"


class Fate(StrEnum):
    """What an operator has done with a letter; the first of the two counts where both were done."""

    REPLAYED = "replayed"
    DISMISSED = "dismissed"


_OFFSET = {Fate.REPLAYED: REPLAYED_OFFSET, Fate.DISMISSED: DISMISSED_OFFSET}
_AT = {Fate.REPLAYED: "dlq-replayed-at", Fate.DISMISSED: "dlq-dismissed-at"}


@dataclass(frozen=True)
class Letter:
    """What a dead letter tells. ``at``: when it was buried; ``first_at``: when first, where it was replayed before.

    ``partition`` and ``offset`` are those of the dead letter topic, which name the letter. ``event_id``, ``event_type``
    and ``job_id`` are what the record says of itself, which may be nothing. ``truncated``: what was cut off, or None.
    """

    topic: str
    partition: int
    offset: int
    at: datetime
    service: str
    error_class: str
    reason: str
    attempts: int
    first_at: datetime | None
    event_id: str
    event_type: str
    job_id: str
    origin_partition: str
    origin_offset: str
    size_bytes: int
    truncated: str | None = None
    replayed_at: str | None = None
    dismissed_at: str | None = None

    @property
    def fate(self) -> Fate | None:
        """What was done with it; None: it waits."""
        if self.replayed_at is not None:
            return Fate.REPLAYED
        return None if self.dismissed_at is None else Fate.DISMISSED


def text_of(value: bytes | None) -> str:
    """Bytes of anybody as text."""
    return (value or b"").decode(errors="replace")


def read_letter(record: Any, topic: str) -> Letter:
    """Read a record of the dead letter topic of ``topic``."""
    told = {name: text_of(value) for name, value in record.headers}
    deaths = Deaths.told_by(record.headers)
    return Letter(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        service=told.get(SERVICE, _UNKNOWN),
        error_class=told.get(CLASS, _UNKNOWN),
        reason=told.get(REASON, ""),
        attempts=max(1, deaths.attempts),
        first_at=deaths.first_at,
        event_id=told.get("ce_id", ""),
        event_type=told.get("ce_type", ""),
        job_id=told.get("ce_subject") or text_of(record.key),
        origin_partition=told.get(ORIGIN_PARTITION, ""),
        origin_offset=told.get(ORIGIN_OFFSET, ""),
        size_bytes=len(record.value or b""),
        truncated=told.get(TRUNCATED),
    )


def replay_headers(headers: Iterable[Header]) -> list[Header]:
    """Headers to send a letter's record with: its own, and how often it died, so that this can be counted on."""
    kept = list(headers)
    deaths = Deaths.told_by(kept)
    return [*without_ours(kept), *Deaths(max(1, deaths.attempts), deaths.first_at).headers()]


def receipt_headers(fate: Fate, offset: int, at: datetime) -> list[tuple[str, bytes]]:
    """Headers of the record that notes the fate of the letter at ``offset`` of its partition."""
    return [(_OFFSET[fate], str(offset).encode()), (_AT[fate], at.isoformat(timespec="seconds").encode())]


class Receipts:
    """What is noted of the letters of a partition."""

    def __init__(self) -> None:
        self._at: dict[Fate, dict[int, str]] = {fate: {} for fate in Fate}

    def take(self, record: Any) -> bool:
        """Take in a receipt. Returns whether ``record`` is one; else it is a letter."""
        offset = settled_offset(record.headers)
        if offset is None:
            return False
        told = {name: text_of(value) for name, value in record.headers}
        fate = next(fate for fate in Fate if _OFFSET[fate] in told)
        self._at[fate][offset] = told.get(_AT[fate], "")
        return True

    def fate(self, offset: int) -> Fate | None:
        """What was done with the letter at ``offset``; None: it waits."""
        return next((fate for fate in Fate if offset in self._at[fate]), None)

    def settle(self, letter: Letter) -> Letter:
        """The letter with what is noted of it."""
        replayed, dismissed = (self._at[fate].get(letter.offset) for fate in (Fate.REPLAYED, Fate.DISMISSED))
        return replace(letter, replayed_at=replayed, dismissed_at=dismissed)
