"""Reads from Kafka where topics begin and end, and how far a service's group is, without being its member."""

from collections.abc import AsyncIterator
from collections.abc import Collection
from collections.abc import Mapping
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaConsumer
from aiokafka import ConsumerRecord
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from graftwork.kit.bus import admin_of
from graftwork.kit.bus import group_of
from graftwork.kit.bus import new_reader
from graftwork.kit.lag import Stand
from graftwork.kit.reading import PartitionReader
from graftwork.kit.reading import offsets_of
from graftwork.kit.reading import partitions_of
from graftwork.kit.settings import ServiceSettings

_NAME = "watch"


class GroupOffsets:
    """Connects when first asked, and anew after it was closed."""

    def __init__(self, settings: ServiceSettings, service: str) -> None:
        self._settings = settings
        self._group = group_of(settings, service)
        self._open = AsyncExitStack()
        self._clients: tuple[AIOKafkaAdminClient, AIOKafkaConsumer] | None = None
        self._reader: PartitionReader | None = None

    async def of(self, topics: Collection[str]) -> dict[TopicPartition, Stand]:
        """Every partition of ``topics``, with four requests. Raises ``KafkaError``, and what ``admin_of`` raises."""
        admin, consumer = self._clients or await self._connect()
        partitions = await partitions_of(admin, topics)
        committed = await admin.list_consumer_group_offsets(self._group)
        return {
            one: Stand(there.start, there.stop, committed[one].offset if one in committed else None)
            for one, there in (await offsets_of(consumer, partitions)).items()
        }

    async def records(
        self, partitions: Collection[TopicPartition], unread: Mapping[TopicPartition, range]
    ) -> AsyncIterator[ConsumerRecord]:
        """Records at the offsets ``unread`` of ``partitions``, one partition after the other. Raises like ``of``.

        The connection is kept for as long as ``partitions`` are the same.
        """
        reader = await self._reader_of(partitions)
        for where, offsets in unread.items():
            async for record in reader.records(where, offsets):
                yield record

    async def close(self) -> None:
        """Close the connections; the next question opens new ones."""
        self._clients = self._reader = None
        await self._open.aclose()

    async def _reader_of(self, partitions: Collection[TopicPartition]) -> PartitionReader:
        if self._reader is not None and self._reader.partitions != set(partitions):
            await self.close()
        if self._reader is None:
            _, consumer = self._clients or await self._connect()
            self._reader = PartitionReader(consumer, partitions)
        return self._reader

    async def _connect(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        admin = await self._open.enter_async_context(admin_of(self._settings, _NAME))
        consumer = new_reader(self._settings, _NAME)
        self._open.push_async_callback(consumer.stop)
        await consumer.start()
        self._clients = admin, consumer
        return self._clients
