"""Dead letters on Kafka: found, read, and sent back to where they came from, or dismissed.

Reads without a group, one partition at a time, up to what was there when it began: a letter that is replayed and
dies again is a new one, and is not met in the same go.
"""

from collections import Counter
from collections import deque
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer
from aiokafka import ConsumerRecord
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.errors import KafkaError

from graftwork.admin.errors import NoSuchLetter
from graftwork.admin.errors import NotReplayable
from graftwork.admin.errors import ServerAway
from graftwork.admin.letters import Fate
from graftwork.admin.letters import Letter
from graftwork.admin.letters import Receipts
from graftwork.admin.letters import read_letter
from graftwork.admin.letters import receipt_headers
from graftwork.admin.letters import replay_headers
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import is_dead_letter_topic
from graftwork.kit.bus import new_producer
from graftwork.kit.bus import new_reader
from graftwork.kit.bus import origin_topic
from graftwork.kit.clock import Clock
from graftwork.kit.reading import PartitionReader
from graftwork.kit.reading import offsets_of
from graftwork.kit.refusals import kafka_refusal
from graftwork.kit.settings import ServiceSettings

_SERVICE = "admin"
_TRUNCATED = "truncated"

Wanted = Callable[[Letter], bool]
"""Which letters a command is about."""
Partitions = Mapping[str, Sequence[TopicPartition]]
"""Those of the dead letter topic, by the topic that the letters come from."""


def any_letter(_letter: Letter) -> bool:
    """Every letter."""
    return True


@dataclass(frozen=True)
class Found:
    """Letters to replay or to dismiss: offset by partition, ascending; and how many were passed over, and why."""

    offsets: dict[int, list[int]]
    replayed: int = 0
    dismissed: int = 0
    truncated: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.offsets.values()))


class DeadLetterOffice:
    """The dead letter topics of one namespace, as they were when it was opened."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        producer: AIOKafkaProducer,
        partitions: Partitions,
        *,
        settings: ServiceSettings,
        clock: Clock,
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._partitions = partitions
        self._settings = settings
        self._clock = clock
        self._reader = PartitionReader(consumer, [one for every in partitions.values() for one in every])

    @property
    def topics(self) -> list[str]:
        """Topics that have a dead letter topic, without the ``.dlq``."""
        return list(self._partitions)

    def topic_named(self, name: str) -> str:
        """The topic that somebody means: it, its dead letter topic, or its event. Raises ``NoSuchLetter``."""
        for topic in self.topics:
            event = topic.removeprefix(f"{self._settings.namespace}.").rpartition(".")[0]
            if name in {topic, dead_letter_topic(topic), event}:
                return topic
        known = ", ".join(self.topics)
        known = f"it has those of {known}" if known else "it has none at all: is it GRAFTWORK_NAMESPACE?"
        raise NoSuchLetter(f"Kafka at {self._settings.kafka} has no dead letter topic of {name}; {known}")

    async def letters(self, topic: str, *, wanted: Wanted = any_letter, limit: int) -> list[Letter]:
        """The ``limit`` newest letters, newest first."""
        found: list[Letter] = []
        for partition in self._partitions[topic]:
            newest: deque[Letter] = deque(maxlen=limit)
            receipts = Receipts()
            async for record in self._records(partition):
                if not receipts.take(record) and wanted(letter := read_letter(record, topic)):
                    newest.append(letter)
            found += map(receipts.settle, newest)
        return sorted(found, key=lambda letter: letter.at, reverse=True)[:limit]

    async def letter(self, topic: str, partition: int, offset: int) -> tuple[Letter, ConsumerRecord]:
        """One letter, and the record itself. Raises ``NoSuchLetter``."""
        where = self._partition(topic, partition)
        receipts = Receipts()
        letters = (record async for record in self._records(where, first=offset) if not receipts.take(record))
        found = [record async for record in letters if record.offset == offset]
        if not found:
            raise NoSuchLetter(f"no dead letter lies at {_at(where, offset)}: it never did, or its time is over")
        return receipts.settle(read_letter(found[0], topic)), found[0]

    async def find(self, topic: str, *, wanted: Wanted = any_letter, again: bool = False, cut: bool = False) -> Found:
        """Letters that wait; where ``again``, also those that wait no more, and where ``cut``, those that were cut."""
        offsets: dict[int, list[int]] = {}
        passed: Counter[str] = Counter()
        for partition in self._partitions[topic]:
            candidates: dict[int, bool] = {}
            receipts = Receipts()
            async for record in self._records(partition):
                if not receipts.take(record) and wanted(letter := read_letter(record, topic)):
                    candidates[letter.offset] = letter.truncated is not None
            for offset, truncated in candidates.items():
                fate = None if again else receipts.fate(offset)
                if truncated and not cut:
                    passed[_TRUNCATED] += 1
                elif fate is not None:
                    passed[fate] += 1
                else:
                    offsets.setdefault(partition.partition, []).append(offset)
        return _found(offsets, passed)

    async def choose(
        self, topic: str, partition: int, offsets: Sequence[int], *, again: bool = False, cut: bool = False
    ) -> Found:
        """These letters. Raises ``NoSuchLetter``, and unless ``cut``, ``NotReplayable`` for one that is not whole."""
        chosen: list[int] = []
        passed: Counter[str] = Counter()
        for offset in sorted(set(offsets)):
            letter, _ = await self.letter(topic, partition, offset)
            if letter.truncated is not None and not cut:
                where = _at(TopicPartition(dead_letter_topic(topic), partition), offset)
                raise NotReplayable(
                    f"{where} was too large to be kept whole ({letter.truncated}): its sender has to send it again"
                )
            if letter.fate is not None and not again:
                passed[letter.fate] += 1
            else:
                chosen.append(offset)
        return _found({partition: chosen} if chosen else {}, passed)

    async def replay(self, topic: str, offsets: dict[int, list[int]]) -> AsyncIterator[int]:
        """Send letters back to ``topic`` in their order, each acknowledged and then noted; yield how many so far.

        One that was sent and not noted, because this process died between, is sent again the next time: services
        know events that they have admitted.
        """
        sent = 0
        for number, wanted in offsets.items():
            where = TopicPartition(dead_letter_topic(topic), number)
            async for record in self._records(where, first=wanted[0], only=set(wanted)):
                headers = replay_headers(record.headers)
                await self._producer.send_and_wait(topic, value=record.value, key=record.key, headers=headers)
                await self._note(where, record.offset, Fate.REPLAYED)
                sent += 1
                yield sent

    async def dismiss(self, topic: str, offsets: dict[int, list[int]]) -> AsyncIterator[int]:
        """Note of letters that nobody waits for them, and send nothing; yield how many so far."""
        noted = 0
        for number, unwanted in offsets.items():
            for offset in unwanted:
                await self._note(TopicPartition(dead_letter_topic(topic), number), offset, Fate.DISMISSED)
                noted += 1
                yield noted

    async def _note(self, where: TopicPartition, offset: int, fate: Fate) -> None:
        receipt = receipt_headers(fate, offset, self._clock.now())
        await self._producer.send_and_wait(where.topic, value=b"", partition=where.partition, headers=receipt)

    def _partition(self, topic: str, number: int) -> TopicPartition:
        for partition in self._partitions[topic]:
            if partition.partition == number:
                return partition
        most = len(self._partitions[topic])
        raise NoSuchLetter(f"{dead_letter_topic(topic)} has no partition {number}, only {most}")

    async def _records(
        self, where: TopicPartition, *, first: int = 0, only: Collection[int] | None = None
    ) -> AsyncIterator[ConsumerRecord]:
        """Records of a partition from ``first`` to what is its end now, or to the last of ``only``."""
        there = (await offsets_of(self._consumer, [where]))[where]
        end = there.stop if only is None else min(there.stop, max(only) + 1)
        async for record in self._reader.records(where, range(max(there.start, first), end)):
            if only is None or record.offset in only:
                yield record


@asynccontextmanager
async def open_dead_letters(settings: ServiceSettings, clock: Clock) -> AsyncIterator[DeadLetterOffice]:
    """Connect to Kafka. Raises ``ServerAway``, and ``ServerRefuses`` or ``DependencyDown`` that say what to mend."""
    consumer, producer = new_reader(settings, _SERVICE), new_producer(settings, _SERVICE)
    try:
        try:
            await consumer.start()
            await producer.start()
        except KafkaConnectionError as error:
            raise await kafka_refusal(settings) from error
        partitions = await _dead_letter_partitions(consumer, producer, settings.namespace)
        yield DeadLetterOffice(consumer, producer, partitions, settings=settings, clock=clock)
    except KafkaError as error:
        raise ServerAway("Kafka", settings.kafka, error) from error
    finally:
        await consumer.stop()
        await producer.stop()


async def _dead_letter_partitions(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, namespace: str) -> Partitions:
    return {
        origin_topic(name): [TopicPartition(name, number) for number in sorted(await producer.partitions_for(name))]
        for name in sorted(await consumer.topics())
        if name.startswith(f"{namespace}.") and is_dead_letter_topic(name)
    }


def _found(offsets: dict[int, list[int]], passed: Counter[str]) -> Found:
    return Found(
        offsets,
        replayed=passed[Fate.REPLAYED],
        dismissed=passed[Fate.DISMISSED],
        truncated=passed[_TRUNCATED],
    )


def _at(where: TopicPartition, offset: int) -> str:
    return f"{where.topic} {where.partition} {offset}"
