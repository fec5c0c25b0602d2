"""Dead letters as records of a topic: what they tell, what is sent again, and what is noted of that. Pure.

A Kafka topic cannot be edited, so that a letter was replayed is a record of its own, a receipt, on the same
partition of the same topic (docs/adr/0012).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from typing import Any

from graftwork.kit.dead_letters import CLASS
from graftwork.kit.dead_letters import ORIGIN_OFFSET
from graftwork.kit.dead_letters import ORIGIN_PARTITION
from graftwork.kit.dead_letters import REASON
from graftwork.kit.dead_letters import REPLAYED_OFFSET
from graftwork.kit.dead_letters import SERVICE
from graftwork.kit.dead_letters import TRUNCATED
from graftwork.kit.dead_letters import Deaths
from graftwork.kit.dead_letters import Header
from graftwork.kit.dead_letters import replayed_offset
from graftwork.kit.dead_letters import without_ours

REPLAYED_AT = "dlq-replayed-at"
_UNKNOWN = "unknown"


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


def receipt_headers(offset: int, at: datetime) -> list[tuple[str, bytes]]:
    """Headers of the record that notes the replay of the letter at ``offset`` of its partition."""
    return [(REPLAYED_OFFSET, str(offset).encode()), (REPLAYED_AT, at.isoformat(timespec="seconds").encode())]


def read_receipt(record: Any) -> tuple[int, str] | None:
    """Offset of the letter that was replayed and when, where ``record`` is a receipt."""
    offset = replayed_offset(record.headers)
    at = next((text_of(value) for name, value in record.headers if name == REPLAYED_AT), "")
    return None if offset is None else (offset, at)
