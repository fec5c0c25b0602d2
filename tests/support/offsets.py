"""How far a consumer group has read."""

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from graftwork.kit.bus import topic_of
from graftwork.kit.connecting import kafka_arguments
from graftwork.kit.settings import ServiceSettings


async def committed_offset(settings: ServiceSettings, service: str, event_name: str) -> int:
    """Where the service, restarted, would go on reading the topic's first partition; 0 before any commit."""
    admin = AIOKafkaAdminClient(**kafka_arguments(settings))
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{settings.namespace}.{service}")
    finally:
        await admin.close()
    found = offsets.get(TopicPartition(topic_of(settings.namespace, event_name), 0))
    return 0 if found is None else int(found.offset)
