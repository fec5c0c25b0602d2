"""Dead letters: records that cannot be admitted, kept with the reason, bytes untouched."""

import asyncio
import hashlib
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from graftwork import __version__
from graftwork.kit import metrics
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.ledger import Ledger
from graftwork.kit.logging import get_logger

log = get_logger(__name__)
_SEND_SECONDS = 30.0
_REASON_BYTES = 2_000
_KEPT_BYTES = 256 * 1024


class DeadLetters:
    """Sends records to the dead letter topic of theirs."""

    def __init__(self, producer: AIOKafkaProducer, ledger: Ledger) -> None:
        self._producer = producer
        self._ledger = ledger

    async def bury(self, record: Any, error: Exception) -> None:
        """Send the record with what is wrong with it in its headers, and wait for the acknowledgement.

        One that is too large even for the dead letter topic is cut, which its headers tell.
        """
        code = str(getattr(error, "code", "internal"))
        headers = [*record.headers, *self._reasons(record, error, code)]
        try:
            await self._send(record, record.value, headers)
        except MessageSizeTooLargeError:
            whole = hashlib.sha256(record.value).hexdigest()
            cut = ("dlq-truncated", f"{len(record.value)} bytes, sha256 {whole}".encode())
            await self._send(record, record.value[:_KEPT_BYTES], [*headers, cut])
        metrics.EVENTS_DEAD.labels(record.topic, code).inc()
        log.error("event.dead_lettered", topic=record.topic, offset=record.offset, reason=str(error))

    def _reasons(self, record: Any, error: Exception, code: str) -> list[tuple[str, bytes]]:
        told = {
            "dlq-reason": str(error),
            "dlq-class": code,
            "dlq-origin-topic": record.topic,
            "dlq-origin-partition": record.partition,
            "dlq-origin-offset": record.offset,
            "dlq-first-at": self._ledger.clock.now().isoformat(),
            "dlq-service": self._ledger.service,
            "dlq-service-version": __version__,
        }
        return [(name, str(value).encode()[:_REASON_BYTES]) for name, value in told.items()]

    async def _send(self, record: Any, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        async with asyncio.timeout(_SEND_SECONDS):
            await self._producer.send_and_wait(
                dead_letter_topic(record.topic), value=value, key=record.key, headers=headers
            )
