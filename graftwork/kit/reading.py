"""Reads chosen stretches of Kafka partitions, as often as wanted, without a group.

All partitions are assigned once, and paused; one is resumed only while somebody waits for its next records. For
aiokafka's consumer may never stop once it was assigned other partitions while it fetched: its fetcher, as it lets go
of the old ones, swallows the cancellation that ``stop`` awaits.
"""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Collection
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka import ConsumerRecord
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaTimeoutError

_POLL_MS = 1_000
_SILENCE_SECONDS = 30.0


class PartitionReader:
    """Reads ``partitions`` with a consumer that has started, is nobody else's, and has none assigned.

    Who wants other partitions opens another consumer. Two may read at once, but not the same partition.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        partitions: Collection[TopicPartition],
        *,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        self.partitions = frozenset(partitions)
        self._consumer = consumer
        self._silence_seconds = silence_seconds
        consumer.assign(list(self.partitions))
        for one in self.partitions:
            consumer.seek(one, 0)  # or it asks where each begins, and reads none while one cannot be asked
        consumer.pause(*self.partitions)

    async def records(self, where: TopicPartition, offsets: range) -> AsyncIterator[ConsumerRecord]:
        """Records of a partition at ``offsets``, ascending; what Kafka has deleted, or deletes meanwhile, is left out.

        Raises ``KafkaError``: ``KafkaTimeoutError`` if nothing comes for ``silence_seconds``, though the end is not
        reached.
        """
        if not offsets:
            return
        self._consumer.seek(where, offsets.start)
        position = offsets.start
        while position < offsets.stop:
            records, position = await self._next(where, position)
            for record in records:
                if record.offset in offsets:
                    yield record

    async def _next(self, where: TopicPartition, position: int) -> tuple[Sequence[ConsumerRecord], int]:
        """Records that come after ``position``, perhaps none, and the position behind them, which is another."""
        self._consumer.resume(where)
        try:
            async with asyncio.timeout(self._silence_seconds):
                while True:
                    records = (await self._consumer.getmany(where, timeout_ms=_POLL_MS)).get(where, [])
                    reached = await self._consumer.position(where)
                    if reached != position:
                        return records, reached
        except TimeoutError as error:
            raise KafkaTimeoutError(f"nothing comes from {where.topic}/{where.partition}") from error
        finally:
            self._consumer.pause(where)


async def partitions_of(admin: AIOKafkaAdminClient, topics: Collection[str]) -> list[TopicPartition]:
    """Every partition of topics that exist. Raises ``KafkaError``."""
    told = await admin.describe_topics(sorted(topics)) if topics else []
    return [TopicPartition(topic["topic"], one["partition"]) for topic in told for one in topic["partitions"]]


async def offsets_of(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, range]:
    """What lies on partitions now, from the first offset kept to the one after the last. Raises ``KafkaError``."""
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)  # asked last, so that none lies before its beginning
    return {one: range(begins[one], ends[one]) for one in partitions}
