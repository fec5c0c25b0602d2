"""The runner from event to event, on a real MongoDB and in the real sandbox, with a scripted model plane."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.seeds import seed_at
from graftwork.contracts.usage import Grant
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import Overloaded
from graftwork.kit.service import Service
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork.models.plane import GenerateRequest
from graftwork_runner.bootstrap import wire
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.runtimes import Runtimes
from graftwork_runner.settings import RunnerSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.off_bus import OffBus
from tests.support.off_bus import off_bus
from tests.support.processes import assert_gone
from tests.support.walls import needs_bwrap
from tests.support.walls import standing
from tests.support.walls import the_strongest
from tests.support.workflow_bench import trees

SPEC = JobSpec(task="Explain fractions to children.", count=1, seed=7)
CPYTHON_SPEC = SPEC.model_copy(update={"runtime": WorkflowRuntime.CPYTHON})
SPACE = SeedSpace(facets={"topic": ("halves", "thirds", "quarters", "fifths"), "form": ("story", "dialogue")})
_ALWAYS_THE_SAME = "A part of a whole is what you have when the whole is cut, and one of the pieces is yours."
HEAD = "async def workflow(ctx, seed):\n"
SOUND = HEAD + (
    '    text = await ctx.llm("draft", topic=seed["topic"], form=seed["form"])\n'
    '    return {"prompt": f"Explain {seed[\'topic\']} as a {seed[\'form\']}.", "completion": text}\n'
)
PROMPTS = {"draft": "Explain {{ topic }} as a {{ form }}.", "facts": "Facts about {{ topic }}."}


def walls_here() -> tuple[str, ...]:
    """Those of a runner that looks for the strongest."""
    wall = the_strongest()
    return ("monty",) if wall is None else ("monty", wall.name)


def echo(request: GenerateRequest) -> FakeAnswer:
    return f"Here is what you asked for: {request.messages[0].content}"


async def a_request(
    blobs: Blobs, code: str, *, spec: JobSpec = SPEC, count: int = 4, **more: object
) -> SamplesRequested:
    return SamplesRequested.model_validate(
        {
            "job_id": "job",
            "request_id": "job:r1",
            "spec": await blobs.put_json(spec, "specs"),
            "deadline": datetime.now(UTC) + timedelta(minutes=5),
            "node_id": "job:node:3",
            "purpose": Purpose.EVALUATION,
            "workflow": await blobs.put_json(Workflow(prompts=PROMPTS, code=code), "workflows"),
            "space": await blobs.put_json(SPACE, "seeds"),
            "first": 2,
            "count": count,
            **more,
        }
    )


@dataclass
class Desk:
    """A working runner, and what a test needs to talk to it."""

    bus: OffBus

    async def request(self, code: str, *, spec: JobSpec = SPEC, count: int = 4, **more: object) -> None:
        """Ask for samples of a workflow with this code."""
        await self.bus.send(await a_request(self.bus.blobs, code, spec=spec, count=count, **more))

    async def answer(self) -> tuple[SamplesGenerated, list[SampleRow]]:
        """The answer, and its rows."""
        [generated] = await self.bus.wait_for(SamplesGenerated)
        return generated, await self.bus.blobs.read_models(generated.samples, SampleRow)


@pytest.fixture
def settings(mongo_address: str, tmp_path: Path) -> RunnerSettings:
    return settings_for(
        RunnerSettings, kafka="127.0.0.1:1", mongo=mongo_address, home=tmp_path, sandbox_processes=2, lease_seconds=30
    )


async def wired(settings: RunnerSettings, plane: FakePlane) -> Service:
    """The service around a sandbox of its own; it closes the sandbox when it stops."""
    runtime = MontyRuntime(settings.limits, processes=settings.sandbox_processes, wall=the_strongest())
    await runtime.start()
    return wire(settings, plane, Runtimes({WorkflowRuntime.MONTY: runtime}), closing=(runtime.close,))


@asynccontextmanager
async def at_work(settings: RunnerSettings, plane: FakePlane) -> AsyncIterator[Desk]:
    async with off_bus(await wired(settings, plane)) as bus:
        yield Desk(bus)


async def test_a_request_is_answered_with_one_row_per_seed(settings: RunnerSettings) -> None:
    plane = FakePlane(echo)
    async with at_work(settings, plane) as desk:
        await desk.request(SOUND)
        generated, rows = await desk.answer()
    seeds = [seed_at(SPACE, index) for index in range(2, 6)]
    assert [row.seed for row in rows] == seeds
    assert [row.sample_id for row in rows] == [f"job:node:3:{index}" for index in range(2, 6)]
    assert [row.output for row in rows] == [
        {
            "prompt": f"Explain {seed['topic']} as a {seed['form']}.",
            "completion": f"Here is what you asked for: Explain {seed['topic']} as a {seed['form']}.",
        }
        for seed in seeds
    ]
    assert (generated.ok, generated.failed, generated.trace, generated.walls) == (4, {}, None, walls_here())
    assert (generated.node_id, generated.purpose) == ("job:node:3", Purpose.EVALUATION)
    assert generated.used["generator"].calls == 4
    assert generated.checks["on_topic"] == 1.0


async def test_calls_follow_the_job_and_each_has_a_seed_of_its_own(settings: RunnerSettings) -> None:
    code = HEAD + (
        '    first = await ctx.llm("draft", topic=1, form=2)\n'
        '    again = await ctx.llm("draft", topic=1, form=2)\n'
        '    facts = await ctx.llm_json("facts", topic=seed["topic"])\n'
        '    return {"prompt": seed["topic"] + seed["form"], "completion": first + again + facts["fact"]}\n'
    )
    pool = describe_fake("strong", "a-model")
    plane = FakePlane(lambda r: {"fact": "f"} if r.json_schema else "text", pools=[pool])
    role = RoleModel(pool="strong", model="a-model", temperature=1.0, max_tokens=99)
    spec = SPEC.model_copy(update={"models": ModelsSpec(generator=role)})
    async with at_work(settings, plane) as desk:
        await desk.request(code, spec=spec, count=2)
        generated, _ = await desk.answer()
    assert generated.ok == 2
    assert {(r.pool, r.model, r.temperature, r.max_tokens) for r in plane.requests} == {("strong", "a-model", 1.0, 99)}
    assert len({r.seed for r in plane.requests}) == 6
    assert [r.json_schema for r in plane.requests if r.json_schema is not None] == [{"type": "object"}] * 2


@pytest.mark.parametrize(
    ("code", "reason", "trace"),
    [
        (HEAD + "    return (\n", "crashed", "workflow.py:3:1: error[invalid-syntax]"),
        (HEAD + '    return {"text": seed["nope"]}\n', "crashed", "workflow.py, line 2, in workflow: "),
        (HEAD + "    while True: pass\n", "timed_out", "an endless loop?"),
        (
            HEAD + '    return {"text": await ctx.llm("facts", topic=1)}\n',
            "invalid_output",
            "'completion' is a required",
        ),
        (HEAD + '    return {"prompt": "p", "completion": "c"}\n', "canned_output", "without asking the model"),
        (
            HEAD + '    return {"prompt": "p", "completion": await ctx.llm("facts", topic=1)}\n',
            "canned_output",
            "another seed gave exactly the same record",
        ),
    ],
)
async def test_whatever_a_workflow_does_is_an_answer(
    settings: RunnerSettings, code: str, reason: str, trace: str
) -> None:
    quick = settings.model_copy(update={"sandbox_turn_seconds": 0.3})
    async with at_work(quick, FakePlane(lambda _: _ALWAYS_THE_SAME)) as desk:
        await desk.request(code, count=3)
        generated, rows = await desk.answer()
    assert (generated.ok, generated.failed) == (0, {reason: 3})
    assert trace in str(generated.trace)
    assert [row.reason for row in rows] == [reason] * 3
    assert generated.checks == {}


async def test_an_example_of_the_prompt_is_no_sample(settings: RunnerSettings) -> None:
    example = "Take twelve marbles, put them into three equal heaps, and you have four marbles in each heap, a third."
    workflow = Workflow(
        prompts={"draft": f"Explain {{{{ topic }}}} as a {{{{ form }}}}. Example: {example}"}, code=SOUND
    )

    def lazy_about_thirds(request: GenerateRequest) -> FakeAnswer:
        asked = request.messages[0].content.split(" Example: ")[0]
        return example if "thirds" in asked else f"What I know of it: {asked}"

    async with at_work(settings, FakePlane(lazy_about_thirds)) as desk:
        ref = await desk.bus.blobs.put_json(workflow, "workflows")
        await desk.request(SOUND, workflow=ref, first=0, count=8)
        generated, rows = await desk.answer()
    assert (generated.ok, generated.failed) == (6, {"copied_output": 2})
    assert {row.seed["topic"] for row in rows if row.reason == "copied_output"} == {"thirds"}
    assert str(generated.trace).startswith("copied_output: the model copied its prompt")


async def test_a_deleted_job_is_forgotten(settings: RunnerSettings) -> None:
    async with at_work(settings, FakePlane(echo)) as desk:
        await desk.request(SOUND)
        await desk.answer()
        await desk.bus.forget("job")


async def test_a_used_up_grant_is_an_answer_with_what_there_is(settings: RunnerSettings) -> None:
    async with at_work(settings, FakePlane(echo)) as desk:
        await desk.request(SOUND, grant=Grant(calls=3))
        generated, rows = await desk.answer()
    assert (generated.ok, generated.failed) == (3, {"grant_exhausted": 1})
    assert generated.used["generator"].calls == 3
    assert [row.calls for row in rows if row.ok] == [1, 1, 1]


async def test_an_overloaded_pool_repeats_the_task_and_pays_nothing_twice(settings: RunnerSettings) -> None:
    failures = iter([True])
    answered: list[str] = []

    def sometimes_full(request: GenerateRequest) -> FakeAnswer:
        if "halves" in request.messages[0].content and next(failures, False):
            raise Overloaded("come back later", retry_after_seconds=0.01)
        answered.append(request.messages[0].content)
        return echo(request)

    async with at_work(settings, FakePlane(sometimes_full)) as desk:
        await desk.request(SOUND, first=0, count=8)
        generated, _ = await desk.answer()
    assert generated.ok == 8
    assert sorted(answered) == sorted(set(answered))
    assert generated.used["generator"].calls == 8


@needs_bwrap
async def test_a_job_of_cpython_is_run_by_it_behind_a_wall(settings: RunnerSettings) -> None:
    runtime = CPythonRuntime(settings.limits, wall=standing("bubblewrap"), home=trees(), processes=2)
    await runtime.start()
    service = wire(settings, FakePlane(echo), Runtimes({WorkflowRuntime.CPYTHON: runtime}), closing=(runtime.close,))
    async with off_bus(service) as bus:
        desk = Desk(bus)
        await desk.request("def each():\n    yield from ()\n" + SOUND, spec=CPYTHON_SPEC)
        generated, rows = await desk.answer()
    assert (generated.ok, generated.failed, generated.walls) == (4, {}, ("bubblewrap",))
    assert [row.calls for row in rows] == [1, 1, 1, 1]


async def test_a_runtime_that_is_not_allowed_fails_the_request_and_names_the_setting(settings: RunnerSettings) -> None:
    async with at_work(settings, FakePlane(echo)) as desk:
        await desk.request(SOUND, spec=CPYTHON_SPEC)
        [failed] = await desk.bus.wait_for(WorkFailed)
    assert (failed.code, failed.error_class) == ("runtime_refused", "permanent")
    assert "GRAFTWORK_SANDBOX_RUNTIMES has monty" in failed.message


async def test_an_unknown_pool_fails_the_request(settings: RunnerSettings) -> None:
    spec = SPEC.model_copy(update={"models": ModelsSpec(generator=RoleModel(pool="nowhere"))})
    async with at_work(settings, FakePlane(echo)) as desk:
        await desk.request(SOUND, spec=spec)
        [failed] = await desk.bus.wait_for(WorkFailed)
    assert (failed.stage, failed.code, failed.error_class) == ("generate_samples", "unknown_pool", "permanent")


async def test_a_near_deadline_answers_before_it(settings: RunnerSettings) -> None:
    async def never(_request: GenerateRequest) -> FakeAnswer:
        await asyncio.Event().wait()
        return ""

    async with at_work(settings, FakePlane(never)) as desk:
        await desk.request(SOUND, deadline=datetime.now(UTC) + timedelta(seconds=4))
        generated, _ = await desk.answer()
    assert generated.failed == {"timed_out": 4}


async def test_stopping_the_job_stops_its_samples(settings: RunnerSettings) -> None:
    asked = asyncio.Event()

    async def never(_request: GenerateRequest) -> FakeAnswer:
        asked.set()
        await asyncio.Event().wait()
        return ""

    async with at_work(settings, FakePlane(never)) as desk:
        await desk.request(SOUND)
        await asked.wait()
        await desk.bus.send(JobStopping(job_id="job", outcome=JobState.CANCELLED, reason="enough"))
        [failed] = await desk.bus.wait_for(WorkFailed)
    assert failed.code == "job_stopped"


async def test_the_service_is_ready_and_answers_over_kafka(
    kafka_address: str, mongo_address: str, tmp_path: Path
) -> None:
    settings = settings_for(RunnerSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)
    service = await wired(settings, FakePlane(echo))
    async with bus_of(settings) as bus, running(service):

        async def ready() -> None:
            assert await service.readiness.problems() == {}

        await assert_eventually(ready, timeout_seconds=20)
        await bus.send(await a_request(service.blobs, SOUND))
        [generated] = await bus.wait_for(SamplesGenerated)
    assert (generated.ok, generated.walls) == (4, walls_here())


async def test_the_process_ends_on_sigterm_and_takes_its_workers_with_it(
    kafka_address: str, mongo_address: str, tmp_path: Path
) -> None:
    settings = settings_for(RunnerSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)
    names = ("kafka", "mongo", "namespace", "blobs", "topic_partitions", "sandbox_processes")
    variables = {f"GRAFTWORK_{name.upper()}": str(getattr(settings, name)) for name in names}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "graftwork_runner", env={**os.environ, **variables}, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    heard = b""
    while b"service.started" not in heard:
        line = await process.stderr.readline()
        assert line, heard
        heard += line
    assert b"sandbox.started" in heard
    assert json.dumps(walls_here()).encode() in heard
    workers = psutil.Process(process.pid).children(recursive=True)
    assert "monty" in [worker.name() for worker in workers]
    process.terminate()
    _, rest = await process.communicate()
    assert process.returncode == 0, rest

    def gone() -> None:
        for worker in workers:
            assert_gone(worker.pid)

    await assert_eventually(gone)
