"""Work done, under a lease. May run twice: model calls are replayed from the journal, computing is cheap."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from opentelemetry.trace import SpanKind

from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.ids import derived_id
from graftwork.contracts.ids import stable_int
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.seeds import seed_at
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.kit.spans import Spans
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.plane import one_text
from graftwork_runner.anchors import anchor_checks
from graftwork_runner.checks import judge
from graftwork_runner.context import RunnerContext
from graftwork_runner.handlers import router
from graftwork_runner.metrics import SAMPLES
from graftwork_runner.payloads import GenerateSamples
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import Runtime
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits

__all__ = ["generate_samples", "router"]

_SPANS = Spans()
_ANY_OBJECT = {"type": "object"}
_TIME_TO_ANSWER = 0.9  # of what is left until the deadline; the rest is for judging, storing and committing


@router.task(GenerateSamples)
async def generate_samples(task: GenerateSamples, ctx: RunnerContext) -> None:
    """Run the workflow over its seeds, judge what came out, and answer with one row per seed.

    Whatever a workflow does is a result; the task fails only if the sandbox or the model plane does, if
    the job's runtime is refused, or if its schema is unusable.
    """
    spec = await ctx.job_spec(task.spec)
    runtime = ctx.runtimes.of(spec.runtime)
    chunk = await _chunk(task, ctx, spec)
    with _SPANS.span("sandbox run", SpanKind.INTERNAL, _told(task, spec, runtime)):
        result = await runtime.run(chunk, _asker(ctx, spec))
    limits = JsonLimits(chars=ctx.settings.sandbox_output_chars)
    rows = await asyncio.to_thread(  # records are as large as their code likes, and leases have to be renewed meanwhile
        judge,
        chunk.seeds,
        result.outcomes,
        schema=spec.output.json_schema,
        limits=limits,
        node_id=task.node_id,
        prompts=[*chunk.workflow.prompts.values()],
        code=chunk.workflow.code,
        task=spec.task,
    )
    ref = await ctx.blobs.put_rows(rows, f"{task.job_id}/samples")
    failed = Counter(str(row.reason) for row in rows if not row.ok)
    async with ctx.commit() as tx:
        tx.emit(
            SamplesGenerated(
                job_id=task.job_id,
                request_id=task.request_id,
                node_id=task.node_id,
                purpose=task.purpose,
                samples=ref,
                ok=len(rows) - failed.total(),
                failed=failed,
                trace=_trace(rows, result.trace, {o.index for o in result.outcomes if o.reason is not None}),
                checks=anchor_checks(rows),
                walls=runtime.walls,
                used=ctx.used,
                used_by_task=ctx.used_by_task,
            )
        )
    for row in rows:
        SAMPLES.labels(row.reason or "ok").inc()


def _told(task: GenerateSamples, spec: JobSpec, runtime: Runtime) -> dict[str, Any]:
    return {
        "graftwork.job_id": task.job_id,
        "graftwork.node_id": task.node_id,
        "graftwork.runtime": spec.runtime.value,
        "graftwork.walls": runtime.walls,
        "graftwork.seeds": task.count,
    }


async def _chunk(task: GenerateSamples, ctx: RunnerContext, spec: JobSpec) -> Chunk:
    workflow = await ctx.blobs.get_model(task.workflow, Workflow)
    space = await ctx.blobs.get_model(task.space, SeedSpace)
    seeds = [SeedInput(index, seed_at(space, index)) for index in range(task.first, task.first + task.count)]
    seconds = _seconds(ctx.settings.chunk_seconds, task.deadline, ctx.clock.now())
    return Chunk(workflow, seeds, entropy=derived_id("runner", spec.seed), seconds=seconds)


def _seconds(longest: float, deadline: datetime | None, now: datetime) -> float:
    if deadline is None:
        return longest
    return min(longest, _TIME_TO_ANSWER * (deadline - now).total_seconds())


def _asker(ctx: RunnerContext, spec: JobSpec) -> AskModel:
    generator = spec.models.generator

    async def ask(call: ModelCall) -> str:
        request = GenerateRequest(
            pool=generator.pool,
            model=generator.model,
            temperature=generator.temperature,
            max_tokens=generator.max_tokens,
            messages=(Message(role="user", content=call.text),),
            seed=stable_int(spec.seed, call.seed_index, call.prompt, call.occurrence),
            json_schema=_ANY_OBJECT if call.wants_json else None,
            schema_name="record" if call.wants_json else None,
        )
        return one_text(await ctx.generate(request, step=derived_id(call.seed_index, call.prompt)))

    return ask


def _trace(rows: Sequence[SampleRow], trace: str | None, crashed: set[int]) -> str | None:
    """Trace of the first failed row: the runtime's if it failed there, else what was wrong with its record."""
    first = next((row for row in rows if not row.ok), None)
    if first is None:
        return None
    return trace if first.seed_index in crashed else f"{first.reason}: {first.detail}"
