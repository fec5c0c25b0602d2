"""Ends of jobs that are not as planned: what cannot be published, what comes late, and time that runs out."""

from typing import Any

import pytest

from graftwork.contracts.events import DatasetPublished
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork_search.budget import Side
from graftwork_search.documents import JOBS
from graftwork_search.documents import REQUESTS
from graftwork_search.documents import JobDocument
from graftwork_search.settings import SearchSettings
from tests.support.searching import a_failure
from tests.support.searching import a_spec
from tests.support.searching import play
from tests.support.searching import refused
from tests.support.workers import Answers
from tests.support.workers import Workers


class Held:
    """Keeps the requests it is given for later."""

    def __init__(self, kind: WorkflowKind | None = None) -> None:
        self._kind = kind
        self.requests: list[Any] = []

    def __call__(self, request: Any, _workers: Workers) -> Answers | None:
        if self._kind is not None and request.kind is not self._kind:
            return None
        self.requests.append(request)
        return []


async def test_a_dataset_that_cannot_be_published_fails_the_job_once(settings: SearchSettings) -> None:
    async with play(settings, {DatasetRequested: refused}) as job:
        await job.submit(a_spec())
        end = await job.ended()

    assert (end.snapshot.state, end.dataset) == (JobState.FAILED, None)
    assert str(end.snapshot.reason).startswith("curation_failed: broken")
    assert len(job.bus.all(DatasetRequested)) == 1


async def test_a_job_cancelled_while_its_dataset_is_written_ends_even_if_that_fails(settings: SearchSettings) -> None:
    held = Held()
    async with play(settings, {DatasetRequested: held}) as job:
        await job.submit(a_spec())
        await job.until(lambda: held.requests)
        await job.cancel()
        await job.until(lambda: job.bus.all(JobStopping))
        await job.told_late(a_failure(held.requests[0], "broken"))
        end = await job.ended()

    assert (end.snapshot.state, end.dataset) == (JobState.CANCELLED, None)


async def test_time_that_runs_out_ends_the_search_for_good_and_the_job_waits_for_what_is_out(
    settings: SearchSettings,
) -> None:
    held = Held(WorkflowKind.REFINE)
    async with play(settings, {WorkflowRequested: held}) as job:
        await job.submit(a_spec(budget={"wall_seconds": 600}))
        await job.until(lambda: held.requests)
        await job.let_half_of_the_time_pass()
        await job.until(lambda: job.bus.all(DatasetPublished))
        await job.handled(DatasetPublished)
        waiting = await job.service.ledger.read.count(REQUESTS, {"open": True})
        ends_before = job.bus.all(JobFinished)
        [late] = job.workers.usual(held.requests[0])
        await job.told_late(late)
        end = await job.ended()
        still_open = await job.service.ledger.read.count(REQUESTS, {"open": True})

    told = job.said()
    assert (waiting, ends_before, still_open) == (1, [], 0)
    assert (end.snapshot.state, end.snapshot.production.accepted) == (JobState.SUCCEEDED, 12)
    assert "node.requested" not in told[told.index("search.finished") :]
    assert [node.state for node in job.nodes().values()] == [NodeState.SCORED, NodeState.FAILED]


@pytest.mark.parametrize("budget", [{}, {"calls": 1000}, {"calls": 1000, "cost_usd": 50}])
async def test_what_a_silent_worker_has_spent_is_unknown_until_its_late_answer_tells(
    settings: SearchSettings, budget: dict[str, int]
) -> None:
    refining, publishing = Held(WorkflowKind.REFINE), Held()
    async with play(settings, {WorkflowRequested: refining, DatasetRequested: publishing}) as job:
        await job.submit(a_spec(search={"iterations": 1}, budget=budget))
        await job.until(lambda: refining.requests)
        await job.let_patience_end(refining.requests[0].request_id)
        await job.until(lambda: publishing.requests)
        presumed = job.snapshot().spent
        [late] = job.workers.usual(refining.requests[0])
        await job.told_late(late)
        for answer in job.workers.usual(publishing.requests[0]):
            await job.bus.send(answer)
        end = await job.ended()
        ledger = job.service.ledger.read
        [account] = [JobDocument.load(row).account for row in await ledger.find(JOBS, {"_id": "job-1"})]

    grant, known = refining.requests[0].grant, end.snapshot.spent
    assert (presumed.by_pool["unknown"].calls, presumed.total.cost_usd is None) == (
        grant.calls or 0,
        grant.cost_usd is None,
    )
    assert set(known.by_pool) == {"pool"}
    assert known.total.cost_usd == pytest.approx(0.01 * known.total.calls)
    assert account.total == known.total
    assert {side: out.calls for side, out in account.granted.items()} == {Side.SEARCH: 0, Side.PRODUCTION: 0}


@pytest.mark.parametrize(
    "properties",
    [{"x": {"type": "integer", "maximum": 2**70}}, {"nul \x00": {"type": "string"}}, {"$set": {}, "a.b": {}}],
    ids=["beyond 64 bits", "nul in a name", "names that mean something to a database"],
)
async def test_what_json_can_say_a_job_may_say(settings: SearchSettings, properties: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": properties}
    async with play(settings) as job:
        await job.submit(a_spec(output={"layout": "custom", "record_schema": schema}))
        end = await job.ended()

    assert end.snapshot.state is JobState.SUCCEEDED
