"""A gateway inside the test's process, a client at its door, and what search would tell it."""

import secrets
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import TypeVar

import httpx
from typing_extensions import override

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.jobs import Profile
from graftwork.contracts.rest import JobView
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import DependencyDown
from graftwork.kit.service import Service
from graftwork.local.ports import free_ports
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import ModelPlane
from graftwork.models.plane import PoolDescription
from graftwork_gateway.bootstrap import open_door
from graftwork_gateway.bootstrap import wire
from graftwork_gateway.door import Door
from graftwork_gateway.keys import new_key
from graftwork_gateway.keys import remember_key
from graftwork_gateway.settings import GatewaySettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import Bus
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for

D = TypeVar("D", bound=EventData)
SPEC = {"name": "fractions", "task": "Short explanations of fractions for children.", "count": 3}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=1)


@dataclass(frozen=True)
class Gateway:
    """A running gateway, a client with a key of tenant ``default``, and the bus."""

    door: Door
    service: Service
    http: httpx.AsyncClient
    bus: Bus

    async def heard(self, kind: type[D], job_id: str, count: int = 1) -> list[D]:
        """Events of a job, once there are ``count``."""

        async def enough() -> list[D]:
            found = [told for told in await self.bus.wait_for(kind) if told.job_id == job_id]
            assert len(found) >= count, f"{len(found)} of {count} {kind.event_name} heard"
            return found

        return await assert_eventually(enough, timeout_seconds=20)

    @asynccontextmanager
    async def as_somebody_new(self) -> AsyncIterator["Gateway"]:
        """The same gateway with the client of a tenant of its own, who has seen nothing yet."""
        key = new_key()
        await remember_key(self.door.ledger, key, f"tenant-{secrets.token_hex(4)}")
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=self.http.base_url, headers=headers, timeout=20) as http:
            yield replace(self, http=http)

    async def until(self, job_id: str, state: JobState) -> JobView:
        """The job, once it is in this state."""

        async def reached() -> JobView:
            view = JobView.model_validate_json((await self.http.get(f"/v1/jobs/{job_id}")).content)
            assert view.state is state
            return view

        return await assert_eventually(reached)

    async def submit(self, **more: Any) -> JobView:
        """A job taken."""
        answer = await self.http.post("/v1/jobs", json={**SPEC, **more})
        assert answer.status_code == 202, answer.text
        return JobView.model_validate_json(answer.content)


def gateway_settings(kafka: str, mongo: str, home: Path, **more: Any) -> GatewaySettings:
    """Settings of a gateway of its own, on a free port."""
    [port] = free_ports(1)
    return settings_for(GatewaySettings, kafka=kafka, mongo=mongo, home=home, http_port=port, **more)


@asynccontextmanager
async def open_gateway(
    settings: GatewaySettings,
    *,
    plane: ModelPlane | None = None,
    change: Callable[[Door], Door] = lambda door: door,
) -> AsyncIterator[Gateway]:
    """Run a gateway; ``change`` replaces ports."""
    door = change(open_door(settings, plane or a_plane()))
    service = wire(door)
    address = f"http://127.0.0.1:{settings.http_port}"
    async with (
        bus_of(settings) as bus,
        running(service),
        httpx.AsyncClient(base_url=address) as stranger,
        Gateway(door, service, stranger, bus).as_somebody_new() as gateway,
    ):
        yield gateway


class PatchyPlane(FakePlane):
    """A fake plane whose pools called ``down...`` do not answer."""

    @override
    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        if pool.startswith("down"):
            raise DependencyDown(f"pool {pool!r} does not answer", retry_after_seconds=2.5)
        return await super().describe(pool, timeout_seconds=timeout_seconds)


def a_plane() -> PatchyPlane:
    """Pools of every kind that a job can name."""
    prices = {"prompt_usd_per_mtok": 1.0, "completion_usd_per_mtok": 2.0}
    priced = ModelDescription.model_validate({"name": "dear", "context_tokens": 8192, **prices})
    small = {"profile": Profile.COMPACT, "writes_code": False}
    return PatchyPlane(
        {},
        pools=(
            *(describe_fake(name) for name in ("optimizer", "evaluator", "generator")),
            describe_fake("priced").model_copy(update={"models": (priced,), "default_model": "dear"}),
            describe_fake("tiny").model_copy(update=small),
        ),
    )


def with_ids(*ids: str) -> Callable[[Door], Door]:
    """Let the gateway give these ids to its jobs."""
    left = iter(ids)
    return lambda door: replace(door, new_job_id=lambda _now: next(left))


def snapshot(job_id: str, version: int, state: JobState = JobState.RUNNING, **more: Any) -> JobSnapshot:
    """A job as search tells it."""
    phase = JobPhase.ENDED if state.terminal else JobPhase.SEARCHING
    told = {"job_id": job_id, "version": version, "state": state, "phase": phase, "updated_at": NOON}
    return JobSnapshot.model_validate({**told, **more})


def advanced(job_id: str, version: int, *, node: NodeSnapshot | None = None, **more: Any) -> SearchAdvanced:
    """Search tells a version of a job."""
    return SearchAdvanced(
        job_id=job_id,
        version=version,
        what="node.scored",
        message=f"version {version}",
        snapshot=snapshot(job_id, version, iteration=version, **more),
        node=node,
    )


def node(job_id: str, number: int, **more: Any) -> NodeSnapshot:
    """A node of the tree."""
    told = {"node_id": f"{job_id}:node:{number}", "round": number, "state": NodeState.SCORED, "reward": 3.0}
    return NodeSnapshot.model_validate({**told, **more})


def finished(
    job_id: str, version: int, state: JobState = JobState.SUCCEEDED, dataset: DatasetSummary | None = None
) -> JobFinished:
    """Search tells the end of a job."""
    dataset_id = dataset and dataset.dataset_id
    told = snapshot(job_id, version, state, dataset_id=dataset_id)
    return JobFinished(job_id=job_id, snapshot=told, spent=SpendReport(), dataset=dataset)


async def publish(blobs: Blobs, job_id: str, files: dict[str, bytes], *, at: datetime = NOON) -> DatasetSummary:
    """A dataset as the curator writes it."""
    dataset_id = f"fractions-{job_id}"
    stored = [
        {"path": path, "blob": (await blobs.put_named(f"datasets/{dataset_id}/{path}", data)).model_dump()}
        for path, data in files.items()
    ]
    return DatasetSummary.model_validate(
        {
            "dataset_id": dataset_id,
            "job_id": job_id,
            "name": "fractions",
            "location": f"datasets/{dataset_id}",
            "rows": 3,
            "counts": ProductionCounts(wanted=3, attempted=3, accepted=3),
            "complete": True,
            "files": stored,
            "sha256": "0" * 64,
            "published_at": at,
        }
    )
