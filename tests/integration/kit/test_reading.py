"""Stretches of real Kafka partitions, read in any order and left off anywhere, and a consumer that stops after all."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaTimeoutError

from graftwork.kit.bus import admin_of
from graftwork.kit.bus import ensure_topics
from graftwork.kit.bus import new_producer
from graftwork.kit.bus import new_reader
from graftwork.kit.offsets import GroupOffsets
from graftwork.kit.reading import PartitionReader
from graftwork.kit.reading import offsets_of
from graftwork.kit.reading import partitions_of
from graftwork.kit.settings import ServiceSettings
from tests.support.in_process import settings_for

pytestmark = pytest.mark.timeout(120)  # what a consumer that never stops would run into
LENGTHS = (5, 0, 3, 4)
"""Records on each partition."""
Delete = Callable[[TopicPartition, int], Awaitable[object]]


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(
        ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path, topic_partitions=len(LENGTHS)
    )


@pytest.fixture
async def admin(settings: ServiceSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    async with admin_of(settings, "tests") as admin:
        yield admin


@pytest.fixture
async def partitions(settings: ServiceSettings, admin: AIOKafkaAdminClient) -> AsyncIterator[list[TopicPartition]]:
    """Of one topic, ascending, each with its number of ``LENGTHS`` of records."""
    topic, dead = await ensure_topics(settings, ["scores.ready"])
    producer = new_producer(settings, "tests")
    await producer.start()
    for number, length in enumerate(LENGTHS):
        for offset in range(length):
            await producer.send_and_wait(topic, b"%d/%d" % (number, offset), partition=number)
    await producer.stop()
    yield sorted(await partitions_of(admin, [topic]))
    await admin.delete_topics([topic, dead])


@pytest.fixture
async def consumer(settings: ServiceSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """Stopped at the end, which is awaited."""
    consumer = new_reader(settings, "tests")
    await consumer.start()
    yield consumer
    await consumer.stop()


@pytest.fixture
def delete(admin: AIOKafkaAdminClient) -> Delete:
    """Delete a partition's records before an offset, as retention does."""

    async def delete(where: TopicPartition, before: int) -> object:
        return await admin.delete_records({where: RecordsToDelete(before)})

    return delete


async def values(reader: PartitionReader, where: TopicPartition, offsets: range) -> list[bytes]:
    return [record.value async for record in reader.records(where, offsets)]


def sent(number: int, offsets: range) -> list[bytes]:
    return [b"%d/%d" % (number, offset) for offset in offsets]


async def test_every_partition_is_read_from_its_beginning_to_its_end(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition]
) -> None:
    there = await offsets_of(consumer, partitions)
    reader = PartitionReader(consumer, partitions)

    assert there == {one: range(length) for one, length in zip(partitions, LENGTHS, strict=True)}
    assert [await values(reader, one, there[one]) for one in partitions] == [
        sent(number, range(length)) for number, length in enumerate(LENGTHS)
    ]


async def test_any_stretch_is_read_as_often_as_wanted(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition]
) -> None:
    reader = PartitionReader(consumer, partitions)
    wanted = [(3, range(1, 3)), (0, range(2, 5)), (3, range(2)), (3, range(1, 3)), (2, range(3, 3)), (0, range(4, 1))]

    assert [await values(reader, partitions[number], offsets) for number, offsets in wanted] == [
        sent(number, offsets) for number, offsets in wanted
    ]


async def test_one_that_is_left_off_is_no_hindrance_to_others(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition]
) -> None:
    reader = PartitionReader(consumer, partitions)
    records = reader.records(partitions[0], range(5))
    first = await anext(records)
    others = await values(reader, partitions[2], range(3))
    second = await anext(records)

    assert [first.value, second.value, others] == [*sent(0, range(2)), sent(2, range(3))]
    assert (consumer.assignment(), consumer.paused()) == (set(partitions), set(partitions))
    assert await values(reader, partitions[0], range(5)) == sent(0, range(5))


async def test_what_was_deleted_is_left_out(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], delete: Delete
) -> None:
    await delete(partitions[0], 3)
    await delete(partitions[2], 3)
    reader = PartitionReader(consumer, partitions)

    there = await offsets_of(consumer, partitions)
    assert [there[partitions[number]] for number in (0, 2)] == [range(3, 5), range(3, 3)]
    assert await values(reader, partitions[0], range(5)) == sent(0, range(3, 5))
    assert await values(reader, partitions[0], range(2)) == []
    assert await values(reader, partitions[2], range(3)) == []


async def test_an_end_that_nothing_leads_to_is_told(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition]
) -> None:
    reader = PartitionReader(consumer, partitions, silence_seconds=0.5)

    with pytest.raises(KafkaTimeoutError, match=f"nothing comes from {partitions[2].topic}/2"):
        await values(reader, partitions[2], range(3, 4))
    assert consumer.paused() == set(partitions)


async def test_the_watch_reads_partitions_that_were_added_over_another_connection(
    settings: ServiceSettings, partitions: list[TopicPartition]
) -> None:
    offsets = GroupOffsets(settings, "idle")
    wanted: dict[TopicPartition, range] = {partitions[2]: range(1, 3)}
    before = [record.value async for record in offsets.records(partitions[:3], wanted)]
    wanted[partitions[3]] = range(4)
    after = [record.value async for record in offsets.records(partitions, wanted)]
    await offsets.close()

    assert before == sent(2, range(1, 3))
    assert after == sent(2, range(1, 3)) + sent(3, range(4))
