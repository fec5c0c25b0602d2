"""Dead letters: records that cannot be admitted, kept with the reason, bytes untouched."""

import asyncio
import hashlib
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from graftwork import __version__
from graftwork.kit import metrics
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.errors import GraftworkError
from graftwork.kit.ledger import Ledger
from graftwork.kit.logging import get_logger

log = get_logger(__name__)
Header = tuple[str, bytes | None]

OURS = "dlq-"
"""Headers that begin so are about the dying, and no part of the record."""
REASON = "dlq-reason"
CLASS = "dlq-class"
ATTEMPTS = "dlq-attempts"
FIRST_AT = "dlq-first-at"
ORIGIN_PARTITION = "dlq-origin-partition"
ORIGIN_OFFSET = "dlq-origin-offset"
SERVICE = "dlq-service"
TRUNCATED = "dlq-truncated"
REPLAYED_OFFSET = "dlq-replayed-offset"
DISMISSED_OFFSET = "dlq-dismissed-offset"
_SEND_SECONDS = 30.0
_REASON_BYTES = 2_000
_KEPT_BYTES = 256 * 1024
_MOST_DIGITS = 9
_MOST_OFFSET_DIGITS = 19


@dataclass(frozen=True)
class Deaths:
    """How often a record has been buried, and when first; a replayed one brings this along."""

    attempts: int = 0
    first_at: datetime | None = None

    @classmethod
    def told_by(cls, headers: Iterable[Header]) -> Self:
        """Read headers that anybody may have written: what is no number is none, and what is no time neither."""
        told = {name: (value or b"").decode(errors="replace") for name, value in headers}
        attempts = told.get(ATTEMPTS, "")
        if not (attempts.isascii() and attempts.isdigit() and len(attempts) <= _MOST_DIGITS):
            return cls()
        try:
            return cls(int(attempts), datetime.fromisoformat(told.get(FIRST_AT, "")))
        except ValueError:
            return cls(int(attempts))

    def headers(self) -> list[tuple[str, bytes]]:
        """The same, for a record to bring along."""
        first = [] if self.first_at is None else [(FIRST_AT, self.first_at.isoformat().encode())]
        return [(ATTEMPTS, str(self.attempts).encode()), *first]


def without_ours(headers: Iterable[Header]) -> list[Header]:
    """Headers of the record itself."""
    return [(name, value) for name, value in headers if not name.startswith(OURS)]


def settled_offset(headers: Iterable[Header]) -> int | None:
    """Offset of the letter that was sent again or dismissed, where these are the headers of a receipt."""
    told = next((value or b"" for name, value in headers if name in {REPLAYED_OFFSET, DISMISSED_OFFSET}), b"")
    return int(told) if told.isdigit() and len(told) <= _MOST_OFFSET_DIGITS else None


class DeadLetters:
    """Sends records to the dead letter topic of theirs."""

    def __init__(self, producer: AIOKafkaProducer, ledger: Ledger) -> None:
        self._producer = producer
        self._ledger = ledger

    async def bury(self, record: Any, error: Exception) -> None:
        """Send the record with what is wrong with it in its headers, and wait for the acknowledgement.

        One that is too large even for the dead letter topic is cut, which its headers tell.
        """
        code = error.code if isinstance(error, GraftworkError) else "internal"  # libraries have codes of their own
        headers = [*without_ours(record.headers), *self._reasons(record, error, code)]
        try:
            await self._send(record, record.value, headers)
        except MessageSizeTooLargeError:
            whole = hashlib.sha256(record.value).hexdigest()
            cut = (TRUNCATED, f"{len(record.value)} bytes, sha256 {whole}".encode())
            await self._send(record, record.value[:_KEPT_BYTES], [*headers, cut])
        metrics.EVENTS_DEAD.labels(record.topic, code).inc()
        log.error("event.dead_lettered", topic=record.topic, offset=record.offset, reason=str(error))

    def _reasons(self, record: Any, error: Exception, code: str) -> list[tuple[str, bytes]]:
        before = Deaths.told_by(record.headers)
        deaths = Deaths(before.attempts + 1, before.first_at or self._ledger.clock.now())
        told: Mapping[str, object] = {
            REASON: error,
            CLASS: code,
            "dlq-origin-topic": record.topic,
            ORIGIN_PARTITION: record.partition,
            ORIGIN_OFFSET: record.offset,
            SERVICE: self._ledger.service,
            "dlq-service-version": __version__,
        }
        said = [(name, str(value).encode(errors="replace")[:_REASON_BYTES]) for name, value in told.items()]
        return [*said, *deaths.headers()]

    async def _send(self, record: Any, value: bytes | None, headers: list[Header]) -> None:
        async with asyncio.timeout(_SEND_SECONDS):
            await self._producer.send_and_wait(
                dead_letter_topic(record.topic), value=value, key=record.key, headers=headers
            )
