"""Topics are made once, by whoever comes first, and what the broker refuses is told."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.errors import InvalidReplicationFactorError

from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import ensure_topics
from graftwork.kit.bus import topic_of
from graftwork.kit.settings import ServiceSettings
from tests.support.in_process import settings_for


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


async def test_missing_topics_are_made_with_their_dead_letters_and_once(settings: ServiceSettings) -> None:
    topic = topic_of(settings.namespace, "scores.ready")

    assert await ensure_topics(settings, ["scores.ready"]) == [topic, dead_letter_topic(topic)]
    assert await ensure_topics(settings, ["scores.ready"]) == []


async def test_services_that_start_together_do_not_disturb_each_other(settings: ServiceSettings) -> None:
    await asyncio.gather(*(ensure_topics(settings, ["scores.ready"]) for _ in range(3)))

    assert await ensure_topics(settings, ["scores.ready"]) == []


async def test_a_topic_that_the_broker_refuses_is_named_with_the_reason(settings: ServiceSettings) -> None:
    demanding = settings.model_copy(update={"topic_replicas": 99})

    with pytest.raises(InvalidReplicationFactorError, match=r"scores\.ready\.v1.* cannot be created: .*replic"):
        await ensure_topics(demanding, ["scores.ready"])
