"""Runs a service's handlers and tasks on its real ledger without Kafka, for tests of what the service decides.

Events are handed to the handlers as admission would; answers are read from the outbox as the relay would.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from typing import TypeVar

from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobDeleted
from graftwork.kit.bus import Event
from graftwork.kit.bus import event_id
from graftwork.kit.bus import event_type
from graftwork.kit.job_life import ForgetJob
from graftwork.kit.journal import JournalWriter
from graftwork.kit.ledger import JOURNAL
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Service
from graftwork.kit.tasks import DONE
from graftwork.kit.worker import Worker
from tests.support.eventually import assert_eventually

D = TypeVar("D", bound=EventData)


class OffBus:
    """The test's ears and mouth at a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.blobs = service.blobs

    async def send(self, data: EventData) -> None:
        """Admit an event: its handler, in one transaction."""
        ledger = self._service.ledger
        handler: Any = self._service.router.handlers[data.event_name]
        event = Event(
            data=data, id=event_id(data), source="/tests", type=event_type(data.event_name), time=ledger.clock.now()
        )

        async def admit(tx: Transaction) -> None:
            await handler(event, tx)

        await ledger.transaction(admit)

    async def wait_for(self, kind: type[D], count: int = 1, timeout_seconds: float = 20) -> list[D]:
        """At least ``count`` events of a type, in the order of their commits."""

        async def enough() -> list[D]:
            found = await self.all(kind)
            assert len(found) >= count, f"{len(found)} of {count} {kind.event_name} in the outbox"
            return found

        return await assert_eventually(enough, timeout_seconds=timeout_seconds)

    async def all(self, kind: type[D]) -> list[D]:
        """Events of a type told so far."""
        rows = await self._service.ledger.read.find(OUTBOX, {"event": kind.event_name}, sort=[("order", 1)])
        return [kind.model_validate_json(row["value"]) for row in rows]

    async def forget(self, job_id: str) -> None:
        """Delete a job that has left tasks and answers; return once nothing but the order to forget it is left."""
        read, of_job = self._service.ledger.read, {"job_id": job_id}
        assert await read.find(TASKS, of_job)
        assert await read.find(JOURNAL, of_job)
        await self.send(JobDeleted(job_id=job_id, tenant="tests"))

        async def forgotten() -> None:
            assert await read.find(JOURNAL, of_job) == []
            assert [(row["kind"], row["state"]) for row in await read.find(TASKS, of_job)] == [(ForgetJob.kind, DONE)]

        await assert_eventually(forgotten)


@asynccontextmanager
async def off_bus(service: Service) -> AsyncIterator[OffBus]:
    """The service at work; stopped, and its database dropped, at the end."""
    ledger, settings = service.ledger, service.settings
    await ledger.prepare(retention_days=settings.retention_days, indexes=service.indexes)
    journal = JournalWriter(ledger)
    worker = Worker(
        service.router.tasks,
        ledger=ledger,
        blobs=service.blobs,
        journal=journal,
        context=service.context,
        settings=settings,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        working = group.create_task(worker.run())
        try:
            yield OffBus(service)
        finally:
            worker.stop()
            await asyncio.wait([working])
            journal.stop()
    await ledger.client.drop_database(ledger.database.name)
    for close in service.closing:
        await close()
    await ledger.close()
