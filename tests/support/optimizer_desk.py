"""A working optimizer for its tests: on a real MongoDB, with a model plane that answers from a script."""

from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import SearchSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.workflows import Workflow
from graftwork.kit.blobs import Blobs
from graftwork.models.context import model_context
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork.models.plane import GenerateRequest
from graftwork_optimizer.bootstrap import build
from graftwork_optimizer.settings import OptimizerSettings
from tests.support.off_bus import OffBus
from tests.support.off_bus import off_bus

SPEC = JobSpec(task="Explain fractions to children.", count=1, seed=11)
CODE = 'async def workflow(ctx, seed):\n    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
PARENT = Workflow(prompts={"draft": "Write about {{ topic }}."}, code=CODE)
NOWHERE = BlobRef(key="x", sha256="0" * 64, size_bytes=0)
JUDGEMENT = {
    "code": {"clarity": 5, "efficiency": 4, "robustness": 3},
    "prompt": {"clarity": 3, "specificity": 2, "effectiveness": 1},
    "notes": "Name the reader.",
}
Script = Callable[[GenerateRequest], FakeAnswer]


@dataclass
class Desk:
    """A working optimizer, and what a test needs to talk to it."""

    bus: OffBus

    @property
    def blobs(self) -> Blobs:
        """Where payloads lie."""
        return self.bus.blobs

    async def ask_for_seeds(self, spec: JobSpec) -> SeedSpace:
        """Request a seed space and return it."""
        await self.bus.send(SeedsRequested.model_validate(await common(self.blobs, spec)))
        [proposed] = await self.bus.wait_for(SeedsProposed)
        space = await self.blobs.get_model(proposed.space, SeedSpace)
        assert proposed.size == space.size
        return space

    async def ask_for_workflow(self, kind: WorkflowKind, spec: JobSpec = SPEC, **more: object) -> None:
        """Request a workflow."""
        fields = {"node_id": "n1", "kind": kind, **more}
        await self.bus.send(WorkflowRequested.model_validate({**await common(self.blobs, spec), **fields}))

    async def ask_for_change(self, kind: WorkflowKind, spec: JobSpec = SPEC, **more: object) -> None:
        """Request a change of ``PARENT``."""
        parent = await self.blobs.put_json(PARENT, "workflows")
        await self.ask_for_workflow(kind, spec, **{"parent": parent, "parent_node_id": "n0", **more})

    async def ask_for_judgement(self, spec: JobSpec = SPEC, **more: object) -> None:
        """Request the workflow half of an evaluation of ``PARENT``."""
        fields = {
            "evaluation_id": "e1",
            "node_id": "n1",
            "component": ScoreComponent.WORKFLOW,
            "workflow": await self.blobs.put_json(PARENT, "workflows"),
            "samples": NOWHERE,
            **more,
        }
        await self.bus.send(ScoresRequested.model_validate({**await common(self.blobs, spec), **fields}))

    async def proposed(self) -> tuple[Workflow, WorkflowProposed]:
        """The workflow that was proposed."""
        [answer] = await self.bus.wait_for(WorkflowProposed)
        workflow = await self.blobs.get_model(answer.workflow, Workflow)
        assert (answer.workflow_sha256, answer.shape_sha256) == (workflow.sha256, workflow.shape_sha256)
        return workflow, answer

    async def failure(self) -> WorkFailed:
        """The answer of a request that failed."""
        [failed] = await self.bus.wait_for(WorkFailed)
        return failed


async def common(blobs: Blobs, spec: JobSpec) -> dict[str, object]:
    ref = await blobs.put_json(spec, "specs")
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    return {"job_id": "job", "request_id": "job:r1", "spec": ref, "deadline": deadline}


@asynccontextmanager
async def at_work(settings: OptimizerSettings, plane: FakePlane) -> AsyncIterator[Desk]:
    service = replace(await build(settings), context=model_context(plane))
    async with off_bus(service) as bus:
        yield Desk(bus)


def searching(**search: object) -> JobSpec:
    return SPEC.model_copy(update={"search": SearchSpec.model_validate(search)})


def unasked(_request: GenerateRequest) -> FakeAnswer:
    raise AssertionError("no model should have been asked")


def workflow_answer(template: str = "Explain {{ topic }}.", code: str = CODE) -> FakeAnswer:
    return {"modification": "Explain", "prompts": [{"name": "draft", "template": template}], "code": code}


def in_turn(*answers: FakeAnswer) -> Script:
    waiting = list(answers)
    return lambda _request: waiting.pop(0) if len(waiting) > 1 else waiting[0]
