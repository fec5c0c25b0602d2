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
from graftwork.kit.settings import ServiceSettings

_NAME = "watch"
_POLL_MS = 1_000


class GroupOffsets:
    """Connects when first asked, and anew after it was closed."""

    def __init__(self, settings: ServiceSettings, service: str) -> None:
        self._settings = settings
        self._group = group_of(settings, service)
        self._open = AsyncExitStack()
        self._clients: tuple[AIOKafkaAdminClient, AIOKafkaConsumer] | None = None

    async def of(self, topics: Collection[str]) -> dict[TopicPartition, Stand]:
        """Every partition of ``topics``, with four requests. Raises ``KafkaError``, and what ``admin_of`` raises."""
        admin, reader = self._clients or await self._connect()
        partitions = [
            TopicPartition(told["topic"], one["partition"])
            for told in await admin.describe_topics(sorted(topics))
            for one in told["partitions"]
        ]
        committed = await admin.list_consumer_group_offsets(self._group)
        ends = await reader.end_offsets(partitions)
        begins = await reader.beginning_offsets(partitions)
        return {
            one: Stand(begins[one], ends[one], committed[one].offset if one in committed else None)
            for one in partitions
        }

    async def records(
        self, stands: Collection[TopicPartition], ends: Mapping[TopicPartition, int]
    ) -> AsyncIterator[ConsumerRecord]:
        """Go on reading partitions of ``stands`` up to ``ends``, each record once in the life of the connection."""
        _, reader = self._clients or await self._connect()
        if reader.assignment() != set(stands):
            reader.assign(list(stands))
            reader.pause(*stands)  # or it would fetch all the time what nobody asks for
        unread = dict(ends)
        reader.resume(*unread)
        try:
            while unread:
                for one, records in (await reader.getmany(*unread, timeout_ms=_POLL_MS)).items():
                    for record in records:
                        yield record
                    if records[-1].offset + 1 >= unread[one]:
                        del unread[one]
        finally:
            reader.pause(*stands)

    async def close(self) -> None:
        """Close the connections; the next question opens new ones."""
        self._clients = None
        await self._open.aclose()

    async def _connect(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        admin = await self._open.enter_async_context(admin_of(self._settings, _NAME))
        reader = new_reader(self._settings, _NAME)
        self._open.push_async_callback(reader.stop)
        await reader.start()
        self._clients = admin, reader
        return self._clients
