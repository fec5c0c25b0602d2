"""Junk on every topic of a running platform: kept, explained, and harmless."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer

from graftwork.contracts.events import EventData
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from tests.support.eventually import assert_eventually
from tests.support.platforms import RunningPlatform

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(200)]


async def test_a_malformed_event_on_any_topic_is_kept_with_its_reason(platform: RunningPlatform) -> None:
    topics = [topic_of(platform.namespace, name) for name in EventData.registry]
    junk = {topic: f"junk on {topic} \xff".encode("latin-1") for topic in topics}
    producer = AIOKafkaProducer(bootstrap_servers=platform.kafka)
    consumer = AIOKafkaConsumer(
        *map(dead_letter_topic, topics), bootstrap_servers=platform.kafka, auto_offset_reset="earliest"
    )
    await asyncio.gather(producer.start(), consumer.start())
    try:
        for topic, value in junk.items():
            await producer.send_and_wait(topic, value, headers=[("ce_id", b"1")])
        buried: dict[str, bytes] = {}
        reasons: set[bytes] = set()

        async def all_buried() -> None:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for record in batch:
                    headers = dict(record.headers)
                    buried[headers["dlq-origin-topic"].decode()] = record.value
                    reasons.add(headers["dlq-class"])
            assert set(buried) == set(topics)

        await assert_eventually(all_buried, timeout_seconds=90)
    finally:
        await producer.stop()
        await consumer.stop()

    assert buried == junk
    assert reasons == {b"malformed_event"}
