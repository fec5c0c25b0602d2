"""What the journal keeps of every model call: enough to tell later what was asked of whom, and what it took."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.usage import Grant
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.ledger import JOURNAL
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.tasks import TaskPayload
from graftwork.models.client import SolverClient
from graftwork.models.context import ModelTaskContext
from graftwork.models.context import model_context
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.plane import prompt_sha256
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import running_endpoint
from tests.support.in_process import settings_for
from tests.support.off_bus import OffBus
from tests.support.off_bus import off_bus
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=0)
USER = Message(role="user", content="What is 2 + 2?")
PRICE = {"prompt_usd_per_mtok": 1.0, "completion_usd_per_mtok": 4.0}
POOLS = {
    "generator": {"model": "tiny", "sampling": {"temperature": 0.7}, "prices": {"tiny": PRICE}},
    "weak": {"model": "tiny", "prompt": "Be quick.", "fixed": True, "sampling": {"max_tokens": 500}},
}
ASKED = GenerateRequest(pool="generator", messages=(USER,), max_tokens=9, seed=3, stop=("END",), logprobs=0)


class Ask(TaskPayload):
    """The tests' only task."""


Work = Callable[[ModelTaskContext], Awaitable[None]]


@dataclass
class Stage:
    """A service at work in front of a real pod."""

    bus: OffBus
    ledger: Ledger
    client: SolverClient
    endpoint: ScriptedEndpoint

    async def do(self, **request: Any) -> None:
        deadline = datetime.now(UTC) + timedelta(minutes=5)
        wanted = {"job_id": "job-1", "request_id": "job-1:r1", "spec": BLOB, "deadline": deadline, **request}
        await self.bus.send(SeedsRequested.model_validate(wanted))

    async def done(self) -> SeedsProposed:
        [answer] = await self.bus.wait_for(SeedsProposed)
        return answer

    async def rows(self) -> list[Document]:
        return await self.ledger.read.find(JOURNAL, {"job_id": "job-1"}, sort=[("_id", 1)])


@asynccontextmanager
async def at_work(settings: ServiceSettings, work: Work) -> AsyncIterator[Stage]:
    router = Router("worker")

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        tx.enqueue(Ask.of(event.data))

    @router.task(Ask)
    async def ask(task: Ask, ctx: ModelTaskContext) -> None:
        await work(ctx)
        answer = {"job_id": task.job_id, "request_id": task.request_id, "used": ctx.used, "space": BLOB, "size": 1}
        async with ctx.commit() as commit:
            commit.emit(SeedsProposed.model_validate(answer))

    async with (
        running_endpoint() as endpoint,
        running_pod(pod_settings(endpoint.url, solvers_pools=POOLS)) as pod,
        client_of(pod) as client,
    ):
        ledger = open_ledger(settings, "worker")
        service = Service(
            router=router,
            settings=settings,
            ledger=ledger,
            blobs=Blobs.open(settings.blobs),
            context=model_context(client),
        )
        async with off_bus(service) as bus:
            yield Stage(bus, ledger, client, endpoint)


@pytest.fixture
def settings(mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka="127.0.0.1:1", mongo=mongo_address, home=tmp_path)


async def test_a_row_tells_model_revision_sampling_prompt_usage_and_times(settings: ServiceSettings) -> None:
    async def generates(ctx: ModelTaskContext) -> None:
        await ctx.generate(ASKED, step="only")

    async with at_work(settings, generates) as stage:
        await stage.do()
        await stage.done()
        [row] = await stage.rows()
        revision = (await stage.client.describe("generator")).revision

    assert (row["job_id"], row["request_id"], row["task_id"], row["pool"]) == (
        "job-1",
        "job-1:r1",
        "ask:job-1:r1",
        "generator",
    )
    answer = row["answer"]
    assert answer["model"] == "tiny-1"
    assert answer["revision"] == revision
    assert answer["sampling"] == {
        "temperature": 0.7,
        "top_p": None,
        "min_p": None,
        "repeat_penalty": None,
        "max_tokens": 9,
        "seed": 3,
        "stop": ["END"],
    }
    assert answer["prompt_sha256"] == prompt_sha256((USER,), None)
    assert (
        answer["usage"]
        == row["usage"]
        == {
            "calls": 1,
            "prompt_tokens": 7,
            "completion_tokens": 2,
            "cost_usd": pytest.approx((7 * 1.0 + 2 * 4.0) / 1e6),
        }
    )
    assert answer["run_seconds"] > 0
    assert answer["queue_seconds"] >= 0


async def test_a_row_of_embeddings_tells_as_much(settings: ServiceSettings) -> None:
    async def embeds(ctx: ModelTaskContext) -> None:
        await ctx.embed(EmbedRequest(pool="generator", texts=("one", "two")), step="only")

    async with at_work(settings, embeds) as stage:
        await stage.do()
        await stage.done()
        [row] = await stage.rows()
        revision = (await stage.client.describe("generator")).revision

    answer = row["answer"]
    assert (answer["model"], answer["revision"], row["usage"]["prompt_tokens"]) == ("tiny-1", revision, 2)
    assert answer["run_seconds"] > 0
    assert answer["queue_seconds"] >= 0


async def test_a_row_of_a_fixed_pool_names_the_prompt_as_it_was_sent(settings: ServiceSettings) -> None:
    async def asks_the_weak(ctx: ModelTaskContext) -> None:
        await ctx.generate(ASKED.model_copy(update={"pool": "weak"}), step="only")

    async with at_work(settings, asks_the_weak) as stage:
        await stage.do()
        await stage.done()
        [row] = await stage.rows()

    kept = Generation.model_validate(row["answer"])
    assert kept.prompt_sha256 == prompt_sha256((Message(role="system", content="Be quick."), USER), None)
    assert (kept.sampling.max_tokens, kept.sampling.seed, kept.sampling.stop) == (500, 3, ())


async def test_the_rows_of_a_request_add_up_to_what_its_answer_says_it_used(settings: ServiceSettings) -> None:
    async def asks_often(ctx: ModelTaskContext) -> None:
        for number in range(3):
            await ctx.generate(ASKED.model_copy(update={"seed": number}), step=f"s{number}")
        await ctx.generate(ASKED.model_copy(update={"pool": "weak"}), step="weak")

    async with at_work(settings, asks_often) as stage:
        await stage.do()
        answer = await stage.done()
        rows = await stage.rows()

    counted = {pool: [row["usage"] for row in rows if row["pool"] == pool] for pool in ("generator", "weak")}
    for pool, used in answer.used.items():
        assert used.calls == len(counted[pool])
        assert used.completion_tokens == sum(usage["completion_tokens"] for usage in counted[pool])
    assert answer.used["generator"].cost_usd == pytest.approx(sum(row["cost_usd"] for row in counted["generator"]))
    assert answer.used["weak"].cost_usd is None


@pytest.mark.parametrize(("tokens", "answers"), [(1_000, True), (400, False)])
async def test_what_a_fixed_pool_may_write_is_what_a_grant_has_to_cover(
    settings: ServiceSettings,
    tokens: int,
    answers: bool,  # noqa: FBT001 - the outcome
) -> None:
    async def asks_for_little(ctx: ModelTaskContext) -> None:
        await ctx.generate(GenerateRequest(pool="weak", messages=(USER,), max_tokens=1), step="only")

    async with at_work(settings, asks_for_little) as stage:
        await stage.do(grant=Grant(tokens=tokens))
        await (stage.done() if answers else stage.bus.wait_for(WorkFailed))

    assert len(stage.endpoint.bodies) == (1 if answers else 0)
