"""What services really tell each other is what was published: who says it, in which envelope, in which words."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from jsonschema import Draft202012Validator

from graftwork.client import AsyncGraftwork
from graftwork.contracts.events import EventData
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.schemas import published_name
from graftwork.kit.bus import topic_of
from publishing.envelope import CLOUD_EVENT
from publishing.flow import observed
from tests.support.eventually import assert_eventually
from tests.support.platforms import RunningPlatform
from tests.support.platforms import watched
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

SCHEMAS = Path(__file__).parents[2] / "docs" / "contracts" / "events"
SPEC = JobSpec.model_validate(
    {
        "name": "told",
        "task": "Short explanations of fractions for children, each with one example.",
        "count": 3,
        "review": "human",
        "search": {"iterations": 1, "evaluation_samples": 3, "anchor": False},
    }
)
NOT_THIS_TIME = {"work.failed"}
"""Nothing of this job has to fail."""
Said = set[tuple[str, str]]


@pytest.fixture(autouse=True)
async def script_as_before(platform: RunningPlatform) -> None:
    await platform.model.replace(Script(seed=7))
    await platform.model.reset()


async def opened_review(client: AsyncGraftwork, job_id: str) -> str:
    """Id of the job's review, once a person is asked."""
    async for event in client.watch(job_id):
        if event.snapshot.review is not None and event.snapshot.state is JobState.WAITING_FOR_REVIEW:
            return event.snapshot.review.review_id
    raise AssertionError("nobody was asked")


async def whole_life(client: AsyncGraftwork) -> str:
    """A job that is cancelled, tried again, reviewed, brought to its end, and deleted; return its id."""
    job = await client.submit(SPEC)
    first = await opened_review(client, job.id)
    await client.cancel(job.id)
    await watched(client, job.id)
    await client.retry(job.id)
    async for event in client.watch(job.id):
        review = event.snapshot.review
        if review is not None and review.review_id != first:
            await client.approve(job.id, review.review_id)
            break
    await watched(client, job.id)
    await client.delete_job(job.id)
    return job.id


def problems_of(name: str, headers: Mapping[str, str], value: bytes) -> list[str]:
    """What the published schemas say against a record."""
    schema = json.loads((SCHEMAS / f"{published_name(name)}.json").read_text(encoding="utf-8"))
    closed = {**CLOUD_EVENT, "additionalProperties": False}
    found = [
        *Draft202012Validator(closed).iter_errors(headers),
        *Draft202012Validator(schema).iter_errors(json.loads(value)),
    ]
    return [f"{name}: {error.message}" for error in found]


async def test_a_job_is_told_in_the_published_words_by_the_published_services(platform: RunningPlatform) -> None:
    flow = observed()
    promised = {(service, name) for service, names in flow.says.items() for name in names - NOT_THIS_TIME}
    topics = {topic_of(platform.namespace, name): name for name in EventData.registry}
    said: Said = set()
    wrong: list[str] = []
    async with platform.client() as client:
        job_id = await whole_life(client)
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=platform.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:

        async def all_said() -> None:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for record in batch:
                    if record.key == job_id.encode():
                        headers = {name: content.decode() for name, content in record.headers}
                        said.add((headers["ce_source"].rpartition("/")[2], topics[record.topic]))
                        wrong.extend(problems_of(topics[record.topic], headers, record.value))
            assert said >= promised

        await assert_eventually(all_said, timeout_seconds=60)
    finally:
        await consumer.stop()

    assert {(service, name) for service, name in said if name not in flow.says[service]} == set()
    assert wrong == []
