"""A small service of the kit that counts everything it does: in the test's process, or as one of its own.

``python -m tests.support.kit_worker`` runs it with the settings in the environment, against the plane
at ``KIT_WORKER_PLANE``.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from datetime import datetime
from datetime import timedelta

from pydantic import SecretStr

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.service import serve
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.tasks import TaskPayload
from graftwork.models.context import ModelTaskContext
from graftwork.models.context import model_context
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from tests.support.paid_calls import paying_plane

ADMITTED = "admitted"
FINISHED = "finished"
STEPS = ("one", "two")
BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=0)
_ONCE_MORE = {"$inc": {"times": 1}}
_PLANE = "KIT_WORKER_PLANE"


class CountedWork(TaskPayload):
    """Asks the plane once for every step."""


def a_request(number: int, job: str = "job-1") -> SeedsRequested:
    """What starts ``CountedWork``."""
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    return SeedsRequested(job_id=job, request_id=f"{job}:r{number}", spec=BLOB, deadline=deadline)


def prompt_of(request_id: str, step: str) -> str:
    """What the plane is asked."""
    return f"{request_id} {step}"


def counted_service(settings: ServiceSettings, plane_url: str) -> Service:
    """Wired as any service."""
    router = Router("worker")

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        await tx.update(ADMITTED, {"_id": event.data.request_id}, _ONCE_MORE, upsert=True)
        tx.enqueue(CountedWork.of(event.data))

    @router.task(CountedWork)
    async def work(task: CountedWork, ctx: ModelTaskContext) -> None:
        for step in STEPS:
            message = Message(role="user", content=prompt_of(task.request_id, step))
            await ctx.generate(GenerateRequest(pool="generator", messages=(message,)), step=step)
        async with ctx.commit() as commit:
            commit.update(FINISHED, {"_id": task.request_id}, _ONCE_MORE, upsert=True)
            answer = {"job_id": task.job_id, "request_id": task.request_id, "used": ctx.used}
            commit.emit(SeedsProposed.model_validate({**answer, "space": BLOB, "size": 1}))

    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, "worker"),
        blobs=Blobs.open(settings.blobs),
        context=model_context(paying_plane(plane_url)),
    )


def variables_of(settings: ServiceSettings) -> dict[str, str]:
    """Environment that tells a process the same; what is None is left out."""
    told = {name: value for name, value in settings.model_dump().items() if value is not None}
    return {f"GRAFTWORK_{name.upper()}": _plain(value) for name, value in told.items()}


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@asynccontextmanager
async def worker_process(
    settings: ServiceSettings, plane_url: str, *, crash_at: str | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a process; killed at the end if it still lives."""
    chosen = variables_of(settings)
    environment = {**os.environ, **chosen, _PLANE: plane_url}
    if crash_at is not None:
        environment["GRAFTWORK_CRASH_AT"] = crash_at
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def main() -> None:
    """Run as a process."""
    settings = ServiceSettings()

    async def build() -> Service:
        return counted_service(settings, os.environ[_PLANE])

    serve(build, settings, "worker")


if __name__ == "__main__":
    main()
