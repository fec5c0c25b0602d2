"""Events that Kafka refused: kept by their sender, sent again when that may help, or dropped."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graftwork.admin.errors import NoSuchRefusal
from graftwork.admin.ledgers import open_ledgers
from graftwork.admin.refused import Refusal
from graftwork.admin.refused import drop
from graftwork.admin.refused import refusal
from graftwork.admin.refused import refusals
from graftwork.admin.refused import retry
from graftwork.contracts.events import JobCancellationRequested
from graftwork.kit.bus import topic_of
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import OUTBOX_REFUSED
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.settings import ServiceSettings
from tests.support.in_process import settings_for


@pytest.fixture
def settings(mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka="127.0.0.1:9", mongo=mongo_address, home=tmp_path)


@pytest.fixture
async def ledgers(settings: ServiceSettings) -> AsyncIterator[dict[str, Ledger]]:
    async with open_ledgers(settings) as opened:
        yield opened
        for ledger in opened.values():
            await ledger.client.drop_database(ledger.database.name)


async def refuse(ledger: Ledger, job_id: str) -> Document:
    """An event in the outbox, set aside as the relay does it; return its row in the outbox."""

    async def work(tx: Transaction) -> None:
        tx.emit(JobCancellationRequested(job_id=job_id))

    await ledger.transaction(work)
    [row] = await ledger.read.find(OUTBOX, {"key": job_id.encode()})
    await ledger.database[OUTBOX_REFUSED].insert_one({**row, "reason": "MessageSizeTooLargeError: too large"})
    await ledger.database[OUTBOX].delete_one({"_id": row["_id"]})
    return row


async def test_refused_events_are_listed_with_their_sender_and_the_reason(
    settings: ServiceSettings, ledgers: dict[str, Ledger]
) -> None:
    first = await refuse(ledgers["gateway"], "job-1")
    await refuse(ledgers["search"], "job-2")

    found = await refusals(ledgers, limit=10)

    assert found[0] == Refusal(
        service="gateway",
        event_id=first["_id"],
        event="job.cancellation_requested",
        topic=topic_of(settings.namespace, "job.cancellation_requested"),
        job_id="job-1",
        at=first["at"],
        reason="MessageSizeTooLargeError: too large",
    )
    assert [one.service for one in found] == ["gateway", "search"]
    assert [one.service for one in await refusals(ledgers, service="search", limit=10)] == ["search"]
    assert await refusals(ledgers, limit=1) == found[:1]


async def test_one_that_is_retried_is_in_the_outbox_as_it_was_and_once(ledgers: dict[str, Ledger]) -> None:
    row = await refuse(ledgers["gateway"], "job-1")
    found = await refusals(ledgers, limit=10)

    assert await retry(ledgers, found) == 1
    assert await retry(ledgers, found) == 0
    assert await ledgers["gateway"].read.find(OUTBOX, {}) == [row]
    assert await refusals(ledgers, limit=10) == []


async def test_one_that_is_dropped_is_gone(ledgers: dict[str, Ledger]) -> None:
    row = await refuse(ledgers["gateway"], "job-1")
    one, whole = await refusal(ledgers, row["_id"])

    assert whole["value"] == row["value"]
    assert await drop(ledgers, [one]) == 1
    assert await drop(ledgers, [one]) == 0
    assert await ledgers["gateway"].read.count(OUTBOX, {}) == 0
    with pytest.raises(NoSuchRefusal, match=f"Kafka has refused no event {row['_id']}"):
        await refusal(ledgers, row["_id"])
