"""``graftwork admin topics`` on a real Kafka."""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource
from aiokafka.admin.config_resource import ConfigResourceType

from graftwork.contracts.events import EventData
from graftwork.kit.bus import admin_of
from graftwork.kit.bus import topic_of
from graftwork.kit.settings import ServiceSettings
from tests.support.command import Ended
from tests.support.command import graftwork
from tests.support.eventually import assert_eventually

WEEK_MS = 7 * 24 * 3600 * 1000
TOPICS = 2 * len(EventData.registry)


@pytest.fixture
async def settings(kafka_address: str) -> AsyncIterator[ServiceSettings]:
    settings = ServiceSettings(kafka=kafka_address, namespace=f"t{secrets.token_hex(4)}", topic_partitions=1)
    yield settings
    async with admin_of(settings, "tests") as admin:
        await admin.delete_topics([one for one in await admin.list_topics() if one.startswith(settings.namespace)])


async def topics(home: Path, settings: ServiceSettings, *arguments: str) -> Ended:
    given = {"GRAFTWORK_KAFKA": settings.kafka, "GRAFTWORK_NAMESPACE": settings.namespace}
    return await graftwork(home, "admin", "topics", *arguments, **given)


async def listed(home: Path, settings: ServiceSettings) -> dict[str, dict[str, Any]]:
    ended = await topics(home, settings, "list", "--json")
    return {one["name"]: one["found"] for one in json.loads(ended.stdout)}


async def test_topics_are_made_then_grown_then_left_alone(settings: ServiceSettings, tmp_path: Path) -> None:
    ready = topic_of(settings.namespace, "scores.ready")

    planned = await topics(tmp_path, settings, "apply", "--partitions", "1", "--dry-run")
    nothing_yet = await listed(tmp_path, settings)
    made = await topics(tmp_path, settings, "apply", "--partitions", "1")
    again = await topics(tmp_path, settings, "apply", "--partitions", "1")
    async with admin_of(settings, "tests") as admin:
        others = ConfigResource(ConfigResourceType.TOPIC, ready, {"retention.ms": "1000", "segment.ms": "600000"})
        await admin.alter_configs([others])
    grown = await topics(tmp_path, settings, "apply", "--partitions", "2", "--retention-days", "7")

    first = planned.stdout.splitlines()[1].split()
    assert first[0] == f"{settings.namespace}.{next(iter(EventData.registry))}.v1"
    assert first[1:] == ["partitions", "missing", "1", "would", "be", "made"]
    assert [one for one in nothing_yet.values() if one is not None] == []
    assert len(nothing_yet) == TOPICS
    assert (made.status, len(made.stdout.splitlines())) == (0, 1 + TOPICS)
    assert (again.status, again.stdout) == (0, f"All {TOPICS} topics are as they should be\n")
    assert (grown.status, "services take events in any order" in grown.stderr) == (0, True)

    async def all_grown() -> None:
        found = await listed(tmp_path, settings)
        assert {one["partitions"] for one in found.values()} == {2}
        assert found[ready]["numbers"]["retention.ms"] == WEEK_MS
        assert found[ready]["told"] == {"retention.ms": str(WEEK_MS), "segment.ms": "600000"}

    await assert_eventually(all_grown)


async def test_what_is_more_than_wanted_is_left(settings: ServiceSettings, tmp_path: Path) -> None:
    await topics(tmp_path, settings, "apply", "--partitions", "2")

    fewer = await topics(tmp_path, settings, "apply", "--partitions", "1", "--retention-days", "1", "--json")

    left = {(one["what"], one["before"], one["after"], one["why_not"]) for one in json.loads(fewer.stdout)}
    assert left == {
        ("partitions", 2, 1, "Kafka cannot take partitions away"),
        ("retention.ms", WEEK_MS, WEEK_MS // 7, "never lowered"),
    }
    assert {one["partitions"] for one in (await listed(tmp_path, settings)).values()} == {2}


async def test_a_broker_that_cannot_hold_as_many_copies_says_so(settings: ServiceSettings, tmp_path: Path) -> None:
    ended = await topics(tmp_path, settings, "apply", "--replicas", "9")

    assert ended.status == 1
    assert "cannot be made: " in ended.stderr
    assert "replication factor" in ended.stderr


async def test_events_are_kept_for_less_time_than_services_know_them(settings: ServiceSettings, tmp_path: Path) -> None:
    ended = await topics(tmp_path, settings, "apply", "--retention-days", "14")

    assert ended.status == 2
    assert "must be less than the 14 days for which services know events they have admitted" in ended.stderr
