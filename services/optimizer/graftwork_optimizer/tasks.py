"""Work done, under a lease. May run twice; each model call is paid for once (journal)."""

from typing import Any

from graftwork.contracts.dialect import STUBS
from graftwork.contracts.dialect import dialect_of
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.jobs import InitialWorkflow
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores
from graftwork.models.context import ModelTaskContext
from graftwork_optimizer import inspection
from graftwork_optimizer import judging
from graftwork_optimizer import presentation
from graftwork_optimizer import roles
from graftwork_optimizer import seeding
from graftwork_optimizer import starters
from graftwork_optimizer.errors import ParentMissing
from graftwork_optimizer.errors import UnusableWorkflow
from graftwork_optimizer.handlers import router
from graftwork_optimizer.payloads import JudgeWorkflow
from graftwork_optimizer.payloads import ProposeSeeds
from graftwork_optimizer.payloads import WriteWorkflow

__all__ = ["judge_workflow", "propose_seeds", "router", "write_workflow"]


@router.task(ProposeSeeds)
async def propose_seeds(task: ProposeSeeds, ctx: ModelTaskContext) -> None:
    """Answer with the user's own facets and rows, or with facets that the optimizer proposes."""
    spec = await ctx.job_spec(task.spec)
    space = seeding.given_space(spec) or await _proposed_space(ctx, spec)
    ref = await ctx.blobs.put_json(space, f"{task.job_id}/seeds")
    async with ctx.commit() as tx:
        tx.emit(
            SeedsProposed(
                job_id=task.job_id,
                request_id=task.request_id,
                space=ref,
                size=space.size,
                used=ctx.used,
                used_by_task=ctx.used_by_task,
            )
        )


@router.task(WriteWorkflow)
async def write_workflow(task: WriteWorkflow, ctx: ModelTaskContext) -> None:
    """Write or change a workflow. Raises ``ParentMissing``, ``UnusableWorkflow`` and ``InvalidAnswer``."""
    spec = await ctx.job_spec(task.spec)
    given = spec.search.initial
    if task.why is WorkflowKind.INITIAL and not given.by_optimizer:
        workflow, modification = _given_workflow(given)
    else:
        workflow, modification = await _written_workflow(task, ctx, spec)
    ref = await ctx.blobs.put_json(workflow, f"{task.job_id}/workflows")
    async with ctx.commit() as tx:
        tx.emit(
            WorkflowProposed(
                job_id=task.job_id,
                request_id=task.request_id,
                node_id=task.node_id,
                workflow=ref,
                workflow_sha256=workflow.sha256,
                shape_sha256=workflow.shape_sha256,
                modification=modification,
                used=ctx.used,
                used_by_task=ctx.used_by_task,
            )
        )


@router.task(JudgeWorkflow)
async def judge_workflow(task: JudgeWorkflow, ctx: ModelTaskContext) -> None:
    """Judge a workflow by its text: six sub-scores, and the mean of Q_code and Q_prompt."""
    spec = await ctx.job_spec(task.spec)
    workflow = await ctx.blobs.get_model(task.workflow, Workflow)
    scores = judging.lowest_for_a_plea(workflow) or await _scores(ctx, spec, workflow)
    ref = await ctx.blobs.put_rows([scores], f"{task.job_id}/scores")
    async with ctx.commit() as tx:
        tx.emit(
            ScoresReady(
                job_id=task.job_id,
                request_id=task.request_id,
                evaluation_id=task.evaluation_id,
                node_id=task.node_id,
                component=ScoreComponent.WORKFLOW,
                score=scores.score,
                matrix=ref,
                suggestions=(f"the workflow itself: {scores.notes}",),
                used=ctx.used,
                used_by_task=ctx.used_by_task,
            )
        )


async def _scores(ctx: ModelTaskContext, spec: JobSpec, workflow: Workflow) -> WorkflowScores:
    answer = await ctx.ask(
        roles.workflow_judge(spec),
        spec,
        output_schema=presentation.schema_text(spec),
        prompts=workflow.prompts,
        code=workflow.code,
    )
    return answer.to_scores()


async def _proposed_space(ctx: ModelTaskContext, spec: JobSpec) -> SeedSpace:
    answer = await ctx.ask(
        roles.PROPOSE_SEEDS,
        spec,
        output_schema=presentation.schema_text(spec),
        fewest_facets=seeding.FEWEST_FACETS,
        most_facets=seeding.MOST_FACETS,
        fewest_values=seeding.FEWEST_VALUES,
        most_values=seeding.MOST_VALUES,
    )
    return seeding.proposed_space(answer.by_name(), spec)


def _given_workflow(given: InitialWorkflow) -> tuple[Workflow, str]:
    """Return the starter, or the user's own text, byte for byte. Raises ``UnusableWorkflow``."""
    if given.starter is not None:
        return starters.load(given.starter), f"the built-in starter {given.starter!r}"
    workflow = Workflow(prompts=given.prompts or {}, code=given.code or "")
    found = inspection.faults(workflow.prompts, workflow.code)
    if found:
        raise UnusableWorkflow(f"the workflow given with the job cannot run: {'; '.join(found)}")
    return workflow, "the workflow given with the job"


async def _written_workflow(task: WriteWorkflow, ctx: ModelTaskContext, spec: JobSpec) -> tuple[Workflow, str]:
    parent = None if task.parent is None else await ctx.blobs.get_model(task.parent, Workflow)
    if parent is None and task.why is not WorkflowKind.INITIAL:
        raise ParentMissing(f"a workflow was to be changed ({task.why}), but the request names none")
    call = roles.workflow_call(task.why, spec.search.scope)
    space = None if task.space is None else await ctx.blobs.get_model(task.space, SeedSpace)
    seen = [] if task.samples is None else await ctx.blobs.read_models(task.samples, SampleRow)
    shown = {**_shown(task, spec, parent, space), "samples": presentation.shown_samples(seen)}
    answer = await ctx.ask(call, spec, **shown)
    return answer.applied_to(parent), answer.modification


def _shown(task: WriteWorkflow, spec: JobSpec, parent: Workflow | None, space: SeedSpace | None) -> dict[str, Any]:
    remarks = tuple(filter(None, [task.feedback, *task.suggestions]))
    shown = {
        "output_schema": presentation.schema_text(spec),
        "seed": "" if space is None else presentation.seed_text(space),
        "dialect": dialect_of(spec.runtime),
        "stubs": STUBS,
        "scope": spec.search.scope.value,
        "reward": task.parent_reward,
        "memory": presentation.memory(task.experiences, task.parent_node_id),
        "remarks": remarks,
        "suggestions": presentation.shown_suggestions(remarks),
        "trace": presentation.clipped_trace(task.trace),
    }
    return shown if parent is None else {**shown, "prompts": parent.prompts, "code": parent.code}
