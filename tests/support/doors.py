"""A gateway inside the test's process, and a client at its door."""

import secrets
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import TypeVar

import httpx
from typing_extensions import override

from graftwork.contracts.events import EventData
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import Profile
from graftwork.contracts.rest import JobView
from graftwork.kit.errors import DependencyDown
from graftwork.local.ports import free_ports
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork_gateway.bootstrap import open_door
from graftwork_gateway.bootstrap import wire
from graftwork_gateway.documents import JOB_EVENTS
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
MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True)
class Gateway:
    """A running gateway, a client of one tenant, and the bus."""

    door: Door
    bus: Bus
    http: httpx.AsyncClient

    @asynccontextmanager
    async def as_somebody_new(self) -> AsyncIterator["Gateway"]:
        """The same gateway with the client of a tenant of its own, who has seen nothing yet."""
        key = new_key()
        await remember_key(self.door.ledger, key, f"tenant-{secrets.token_hex(4)}")
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=self.http.base_url, headers=headers, timeout=20) as http:
            yield replace(self, http=http)

    @property
    def specs(self) -> set[str]:
        """Ids of the jobs whose spec is in the blob store."""
        root = Path(self.door.settings.blobs.removeprefix("file://"))
        return {path.parents[1].name for path in root.glob("*/spec/*.json")}

    async def submit(self, **more: Any) -> JobView:
        """A job taken."""
        answer = await self.http.post("/v1/jobs", json={**SPEC, **more})
        assert answer.status_code == 202, answer.text
        return JobView.model_validate_json(answer.content)

    async def until(self, job_id: str, state: JobState) -> JobView:
        """The job, once it is in this state."""

        async def reached() -> JobView:
            view = JobView.model_validate_json((await self.http.get(f"/v1/jobs/{job_id}")).content)
            assert view.state is state
            return view

        return await assert_eventually(reached, timeout_seconds=20)

    async def send(self, *events: EventData, source: str = "/tests") -> None:
        """Publish, in order."""
        for event in events:
            await self.bus.send(event, source=source)

    async def heard(self, kind: type[D], job_id: str, count: int = 1) -> list[D]:
        """Events of a job, once there are ``count``."""

        async def enough() -> list[D]:
            found = [told for told in await self.bus.wait_for(kind) if told.job_id == job_id]
            assert len(found) >= count, f"{len(found)} of {count} {kind.event_name} heard"
            return found

        return await assert_eventually(enough, timeout_seconds=20)

    async def admitted(self, job_id: str, count: int) -> None:
        """Wait until so many events of a job are in the ledger."""

        async def there() -> None:
            assert await self.door.ledger.read.count(JOB_EVENTS, {"job_id": job_id}) == count

        await assert_eventually(there, timeout_seconds=20)


def gateway_settings(kafka: str, mongo: str, home: Path, **more: Any) -> GatewaySettings:
    """Settings of a gateway of its own, on a free port."""
    [port] = free_ports(1)
    return settings_for(GatewaySettings, kafka=kafka, mongo=mongo, home=home, http_port=port, **more)


def with_ids(planned: list[str]) -> Callable[[Door], Door]:
    """Let the gateway give the planned ids to its next jobs, and its own to others."""

    def change(door: Door) -> Door:
        return replace(door, new_job_id=lambda now: planned.pop(0) if planned else door.new_job_id(now))

    return change


@asynccontextmanager
async def open_gateway(
    settings: GatewaySettings, *, change: Callable[[Door], Door] = lambda door: door
) -> AsyncIterator[Gateway]:
    """Run a gateway on this loop; ``change`` replaces ports."""
    door = change(open_door(settings, a_plane()))
    address = f"http://127.0.0.1:{settings.http_port}"
    async with (
        bus_of(settings) as bus,
        running(wire(door)),
        httpx.AsyncClient(base_url=address) as stranger,
        Gateway(door, bus, stranger).as_somebody_new() as gateway,
    ):
        yield gateway


class PatchyPlane(FakePlane):
    """A fake plane whose pools called ``down...`` do not answer."""

    @override
    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        if pool.startswith("down"):
            raise DependencyDown(f"pool {pool!r} at 10.1.2.3: refused", retry_after_seconds=2.5)
        return await super().describe(pool, timeout_seconds=timeout_seconds)


def a_plane() -> PatchyPlane:
    """Pools of every kind that a job can name."""
    prices = {"prompt_usd_per_mtok": 1.0, "completion_usd_per_mtok": 2.0}
    priced = ModelDescription.model_validate({"name": "dear", "context_tokens": 8192, **prices})
    small = {"profile": Profile.COMPACT, "writes_code": False}
    return PatchyPlane(
        {"": "Yes.", "pool_check": {"colour": "blue", "suns": 1}},
        pools=(
            *(describe_fake(name) for name in ("optimizer", "evaluator", "generator")),
            describe_fake("priced").model_copy(update={"models": (priced,), "default_model": "dear"}),
            describe_fake("tiny").model_copy(update=small),
        ),
    )
