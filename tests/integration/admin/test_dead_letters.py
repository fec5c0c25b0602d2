"""Dead letters on real Kafka: what a service buried is found, shown, and admitted once it is mended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from graftwork.admin.dead_letters import DeadLetterOffice
from graftwork.admin.dead_letters import Found
from graftwork.admin.dead_letters import open_dead_letters
from graftwork.admin.errors import NoSuchLetter
from graftwork.admin.errors import NotReplayable
from graftwork.admin.letters import Letter
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from graftwork.kit.clock import SystemClock
from graftwork.kit.errors import DependencyDown
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from tests.support.in_process import bus_of
from tests.support.in_process import records_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import BLOB
from tests.support.kit_worker import a_request

ADMITTED = "admitted"
EVENT = "seeds.requested"
JUNK = b"\x00\xff\x1b[2J"


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


@pytest.fixture
def topic(settings: ServiceSettings) -> str:
    return topic_of(settings.namespace, EVENT)


def a_service(settings: ServiceSettings, *, poison: str | None) -> Service:
    """Counts what it admits and answers, but for the job ``poison``, on which its handler breaks."""
    router = Router("answerer")

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        if event.data.job_id == poison:
            raise ZeroDivisionError("a bug")
        await tx.update(ADMITTED, {"_id": event.data.request_id}, {"$inc": {"times": 1}}, upsert=True)
        told = {"job_id": event.data.job_id, "request_id": event.data.request_id, "space": BLOB, "size": 1}
        tx.emit(SeedsProposed.model_validate(told))

    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, "answerer"),
        blobs=Blobs.open(settings.blobs),
    )


async def admitted(settings: ServiceSettings) -> dict[str, int]:
    ledger = open_ledger(settings, "answerer")
    try:
        return {row["_id"]: row["times"] for row in await ledger.read.find(ADMITTED, {})}
    finally:
        await ledger.close()


@asynccontextmanager
async def office_of(settings: ServiceSettings) -> AsyncIterator[DeadLetterOffice]:
    async with open_dead_letters(settings, SystemClock()) as office:
        yield office


async def replayed(settings: ServiceSettings, topic: str, *, again: bool = False) -> Found:
    """Replay all that can be; return what that was."""
    async with office_of(settings) as office:
        found = await office.find(topic, again=again)
        assert [sent async for sent in office.replay(topic, found.offsets)] == list(range(1, found.count + 1))
        return found


async def letters_on(settings: ServiceSettings, topic: str, limit: int = 100) -> list[Letter]:
    async with office_of(settings) as office:
        return await office.letters(topic, limit=limit)


async def test_what_died_of_a_bug_is_admitted_exactly_once_when_the_bug_is_mended(
    settings: ServiceSettings, topic: str
) -> None:
    async with bus_of(settings) as bus:
        async with running(a_service(settings, poison="job-1")):
            await bus.send(a_request(0))
            [dead] = await records_of(settings, dead_letter_topic(topic), 1)
        [letter] = await letters_on(settings, topic)
        async with running(a_service(settings, poison=None)):
            assert (await replayed(settings, topic)).offsets == {0: [0]}
            [answer] = await bus.wait_for(SeedsProposed)
            assert await replayed(settings, topic) == Found({}, replayed=1)
            assert (await replayed(settings, topic, again=True)).count == 1
            await bus.send(a_request(1))
            await bus.wait_for(SeedsProposed, count=2)
        [afterwards] = await letters_on(settings, topic)

    assert (letter.service, letter.error_class, letter.reason) == ("answerer", "internal", "a bug")
    assert (letter.job_id, letter.attempts, letter.replayed_at) == ("job-1", 1, None)
    assert letter.event_id == dict(dead.headers)["ce_id"].decode()
    assert answer.job_id == "job-1"
    assert afterwards.replayed_at is not None
    assert await admitted(settings) == {"job-1:r0": 1, "job-1:r1": 1}


async def test_poison_that_is_replayed_is_a_new_letter_that_counts_its_deaths(
    settings: ServiceSettings, topic: str
) -> None:
    async with bus_of(settings) as bus, running(a_service(settings, poison="job-1")):
        await bus.send_raw(topic, JUNK, [("x", b"1")], key=b"k")
        await records_of(settings, dead_letter_topic(topic), 1)
        await replayed(settings, topic)
        records = await records_of(settings, dead_letter_topic(topic), 3)
        _, second = [record for record in records if record.value == JUNK]  # the receipt may come in between
        again, first = await letters_on(settings, topic)
        found = await replayed(settings, topic)
        await records_of(settings, dead_letter_topic(topic), 5)

    assert (second.key, second.value) == (b"k", JUNK)
    assert [header for header in second.headers if not header[0].startswith("dlq-")] == [("x", b"1")]
    assert (first.attempts, again.attempts) == (1, 2)
    assert first.first_at == again.first_at is not None
    assert (first.replayed_at is None, again.replayed_at is None) == (False, True)
    assert found.offsets == {0: [again.offset]}


async def test_letters_are_chosen_by_name_by_class_and_by_age(settings: ServiceSettings, topic: str) -> None:
    async with bus_of(settings) as bus, running(a_service(settings, poison="job-1")):
        await bus.send(a_request(0))
        await bus.send_raw(topic, JUNK, [])
        await records_of(settings, dead_letter_topic(topic), 2)
        async with office_of(settings) as office:
            names = [office.topic_named(name) for name in (EVENT, topic, dead_letter_topic(topic))]
            newest = await office.letters(topic, limit=1)
            bugs = await office.find(topic, wanted=lambda letter: letter.error_class == "internal")
            both = await office.choose(topic, 0, [1, 0, 1])
            letter, record = await office.letter(topic, 0, newest[0].offset)
            topics = office.topics

    assert names == [topic] * 3
    assert topic in topics
    assert not [name for name in topics if name.endswith(".dlq")]
    assert bugs.count == 1
    assert both.offsets == {0: [0, 1]}
    assert letter == newest[0]
    assert len(record.value) == letter.size_bytes


async def test_what_is_not_there_is_said(settings: ServiceSettings, topic: str) -> None:
    async with bus_of(settings), office_of(settings) as office:
        with pytest.raises(NoSuchLetter, match=r"no dead letter topic of job\.dreamt; it has those of"):
            office.topic_named("job.dreamt")
        with pytest.raises(NoSuchLetter, match="has no partition 7, only 1"):
            await office.letter(topic, 7, 0)
        with pytest.raises(NoSuchLetter, match=r"no dead letter lies at .* 0 99"):
            await office.letter(topic, 0, 99)
        assert await office.letters(topic, limit=10) == []
        assert await office.find(topic) == Found({})


async def test_a_letter_that_was_cut_is_refused_and_passed_over(settings: ServiceSettings, topic: str) -> None:
    async with bus_of(settings) as bus:
        await bus.send_raw(dead_letter_topic(topic), b"x", [("dlq-truncated", b"3000000 bytes, sha256 abc")])
        async with office_of(settings) as office:
            with pytest.raises(NotReplayable, match=r"too large to be kept whole \(3000000 bytes, sha256 abc\)"):
                await office.choose(topic, 0, [0])
            assert await office.find(topic) == Found({}, truncated=1)


async def test_a_kafka_that_is_away_is_said(settings: ServiceSettings) -> None:
    with pytest.raises(DependencyDown, match=r"^Kafka at 127\.0\.0\.1:9 cannot be reached: check GRAFTWORK_KAFKA"):
        async with office_of(settings.model_copy(update={"kafka": "127.0.0.1:9"})):
            pass
