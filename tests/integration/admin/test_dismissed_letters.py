"""Dead letters that nobody wants back, on real Kafka: they wait no more, and are not sent by the way."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from graftwork.admin.dead_letters import Found
from graftwork.admin.dead_letters import open_dead_letters
from graftwork.admin.letters import Fate
from graftwork.admin.letters import Letter
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import new_reader
from graftwork.kit.bus import topic_of
from graftwork.kit.clock import SystemClock
from graftwork.kit.dead_letters import Header
from graftwork.kit.graves import Graves
from graftwork.kit.lag import Stand
from graftwork.kit.settings import ServiceSettings
from tests.support.in_process import bus_of
from tests.support.in_process import records_of
from tests.support.in_process import settings_for

LETTER: list[Header] = [("dlq-class", b"malformed_event"), ("dlq-service", b"search")]
BUG: list[Header] = [("dlq-class", b"internal"), ("dlq-service", b"search")]
CUT: list[Header] = [*LETTER, ("dlq-truncated", b"3000000 bytes, sha256 abc")]


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


@pytest.fixture
def topic(settings: ServiceSettings) -> str:
    return topic_of(settings.namespace, SeedsRequested.event_name)


async def dismissed(
    settings: ServiceSettings, topic: str, *, offsets: Sequence[int] = (), error_class: str | None = None
) -> Found:
    """Dismiss these letters, or all of a class; return what that was."""
    async with open_dead_letters(settings, SystemClock()) as office:
        if offsets:
            found = await office.choose(topic, 0, offsets, cut=True)
        else:
            found = await office.find(topic, wanted=lambda letter: error_class == letter.error_class, cut=True)
        assert [noted async for noted in office.dismiss(topic, found.offsets)] == list(range(1, found.count + 1))
        return found


async def to_replay(settings: ServiceSettings, topic: str, *, again: bool = False) -> Found:
    async with open_dead_letters(settings, SystemClock()) as office:
        return await office.find(topic, again=again)


async def letters_on(settings: ServiceSettings, topic: str) -> list[Letter]:
    """Every letter, in the order of their offsets."""
    async with open_dead_letters(settings, SystemClock()) as office:
        return sorted(await office.letters(topic, limit=100), key=lambda letter: letter.offset)


async def waiting(settings: ServiceSettings, topic: str, records: int) -> int:
    """How many letters the watch of a service counts among so many records."""
    graves: Graves[str] = Graves()
    for record in await records_of(settings, dead_letter_topic(topic), records):
        graves.note(topic, record.offset, record.headers)
    return graves.depths({topic: Stand(0, records)})[topic]


async def end_of(settings: ServiceSettings, topic: str) -> int:
    where = TopicPartition(topic, 0)
    consumer = new_reader(settings, "tests")
    await consumer.start()
    try:
        return int((await consumer.end_offsets([where]))[where])
    finally:
        await consumer.stop()


async def test_a_dismissed_letter_waits_no_more_and_nothing_was_sent(settings: ServiceSettings, topic: str) -> None:
    async with bus_of(settings) as bus:
        for headers in (LETTER, BUG, LETTER):
            await bus.send_raw(dead_letter_topic(topic), b"junk", headers)
        before = await waiting(settings, topic, 3)
        done = await dismissed(settings, topic, error_class="malformed_event")
        after = await waiting(settings, topic, 5)
        letters = await letters_on(settings, topic)
        sent = await end_of(settings, topic)

    assert (before, done, after, sent) == (3, Found({0: [0, 2]}), 1, 0)
    assert [letter.fate for letter in letters] == [Fate.DISMISSED, None, Fate.DISMISSED]
    assert [letter.dismissed_at is None for letter in letters] == [False, True, False]
    assert [letter.replayed_at for letter in letters] == [None] * 3


async def test_a_dismissed_letter_is_replayed_only_again(settings: ServiceSettings, topic: str) -> None:
    async with bus_of(settings) as bus:
        for _ in range(2):
            await bus.send_raw(dead_letter_topic(topic), b"junk", LETTER)
        await dismissed(settings, topic, offsets=[0])
        usual = await to_replay(settings, topic)
        again = await to_replay(settings, topic, again=True)
        async with open_dead_letters(settings, SystemClock()) as office:
            named = await office.choose(topic, 0, [0])
            assert [sent async for sent in office.replay(topic, {0: [0]})] == [1]
        [record] = await records_of(settings, topic, 1)
        first, _ = await letters_on(settings, topic)
        left = await waiting(settings, topic, 4)

    assert (usual, again, named) == (Found({0: [1]}, dismissed=1), Found({0: [0, 1]}), Found({}, dismissed=1))
    assert (record.value, first.fate, left) == (b"junk", Fate.REPLAYED, 1)


async def test_a_letter_that_was_cut_is_dismissed(settings: ServiceSettings, topic: str) -> None:
    async with bus_of(settings) as bus:
        await bus.send_raw(dead_letter_topic(topic), b"half", CUT)
        done = await dismissed(settings, topic, offsets=[0])
        usual = await to_replay(settings, topic)
        again = await to_replay(settings, topic, again=True)
        left = await waiting(settings, topic, 2)

    assert (done, left) == (Found({0: [0]}), 0)
    assert usual == again == Found({}, truncated=1)


async def test_what_waits_no_more_is_not_dismissed(settings: ServiceSettings, topic: str) -> None:
    async with bus_of(settings) as bus:
        for _ in range(2):
            await bus.send_raw(dead_letter_topic(topic), b"junk", LETTER)
        async with open_dead_letters(settings, SystemClock()) as office:
            assert [sent async for sent in office.replay(topic, {0: [0]})] == [1]
        first = await dismissed(settings, topic, error_class="malformed_event")
        second = await dismissed(settings, topic, offsets=[0, 1])

    assert (first, second) == (Found({0: [1]}, replayed=1), Found({}, replayed=1, dismissed=1))
