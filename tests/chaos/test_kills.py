"""Any service may be killed at any time: the job still ends right, and nothing is lost or done twice."""

from collections.abc import Mapping
from typing import Any

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.local.services import SERVICES
from tests.support.eventually import assert_eventually
from tests.support.platforms import RunningPlatform
from tests.support.platforms import watched
from tests.support.platforms import watched_until
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

SPEC = JobSpec.model_validate(
    {
        "name": "killed",
        "task": "explanations of fractions for struggling third-graders, with examples from the kitchen",
        "count": 12,
        "search": {"iterations": 4, "evaluation_samples": 4, "finalists": 2, "patience": 20},
    }
)
# When each is hit: while it has, or is about to have, work in its hands.
MOMENTS: Mapping[str, str] = {
    "gateway": "node.scored",
    "search": "node.scoring",
    "optimizer": "node.scored",
    "runner": "node.requested",
    "evaluator": "metrics.regenerated",
    "solvers": "node.sampling",
    "curator": "production.round",
}


def test_every_service_is_killed() -> None:
    assert set(MOMENTS) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_killed_service_is_not_missed(platform: RunningPlatform, service: str) -> None:
    await platform.model.replace(Script(seed=3))
    await platform.model.change({"behaviour": {"latency_ms": 150}})
    await platform.model.reset()
    async with platform.client() as client:
        job = await client.submit(SPEC)
        await watched_until(client, job.id, MOMENTS[service])
        killed = platform.kill(service)
        events = await watched(client, job.id)
        tree = await client.tree(job.id)

    end = events[-1].snapshot
    assert (end.state, end.production.accepted) == (JobState.SUCCEEDED, 12)
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    assert [node.round for node in tree.nodes] == list(range(5))
    made = end.production
    assert made.attempted == made.accepted + made.surplus + _all(made.rejected) + _all(made.failed)
    stats: dict[str, Any] = await platform.model.stats()
    assert stats["repeated"] <= stats["peak_in_flight"]

    def restarted() -> None:
        assert platform.pid_of(service) != killed

    await assert_eventually(restarted, timeout_seconds=30)


def _all(counts: Mapping[str, int]) -> int:
    return sum(counts.values())
