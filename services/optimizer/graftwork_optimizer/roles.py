"""What is asked of the Optimizer LLM. A job may replace their prompts (``role_prompts``)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Scope
from graftwork.models.roles import RoleCall
from graftwork.models.roles import Sampling
from graftwork.models.roles import Variant
from graftwork_optimizer.advice import advised
from graftwork_optimizer.answers import Advice
from graftwork_optimizer.answers import ChangedCode
from graftwork_optimizer.answers import ChangedPrompts
from graftwork_optimizer.answers import CompactWorkflowJudgement
from graftwork_optimizer.answers import ProposedSeeds
from graftwork_optimizer.answers import WholeWorkflow
from graftwork_optimizer.answers import WorkflowAnswer
from graftwork_optimizer.answers import WorkflowJudgement
from graftwork_optimizer.answers import parent_in
from graftwork_optimizer.errors import ParentMissing

_PACKAGE = "graftwork_optimizer"
_WORKFLOW_TOKENS = 8_000


def _appended(answer: Advice, variables: Mapping[str, Any]) -> WorkflowAnswer:
    parent = parent_in(variables)
    if parent is None:
        raise ParentMissing("a sentence can only be added to a workflow")
    changed = [{"name": name, "template": text} for name, text in advised(parent, answer.add).items()]
    return ChangedPrompts.model_validate(
        {"modification": answer.modification, "prompts": changed}, context=dict(variables)
    )


def _as_it_is(answer: CompactWorkflowJudgement, _variables: Mapping[str, Any]) -> WorkflowJudgement:
    return answer


_ADVICE: Variant[WorkflowAnswer] = Variant(
    template="refine_workflow_compact.j2",
    answer=Advice,
    sampling=Sampling(temperature=1.0, max_tokens=160, min_p=0.1, repeat_penalty=1.1),
    adapt=_appended,
)

PROPOSE_SEEDS: RoleCall[ProposedSeeds] = RoleCall(
    name="propose_seeds",
    role="optimizer",
    template="propose_seeds.j2",
    answer=ProposedSeeds,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.8, max_tokens=4_000),
)

INIT_WORKFLOW: RoleCall[WorkflowAnswer] = RoleCall(
    name="init_workflow",
    role="optimizer",
    template="init_workflow.j2",
    answer=WholeWorkflow,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.7, max_tokens=_WORKFLOW_TOKENS),
)

REVISE_WORKFLOW: RoleCall[WorkflowAnswer] = RoleCall(
    name="revise_workflow",
    role="optimizer",
    template="revise_workflow.j2",
    answer=WholeWorkflow,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.5, max_tokens=_WORKFLOW_TOKENS),
    compact=_ADVICE,
)

REPAIR_WORKFLOW: RoleCall[WorkflowAnswer] = RoleCall(
    name="repair_workflow",
    role="optimizer",
    template="repair_workflow.j2",
    answer=WholeWorkflow,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.3, max_tokens=_WORKFLOW_TOKENS),
)

REFINE_WORKFLOW: RoleCall[WorkflowAnswer] = RoleCall(
    name="refine_workflow",
    role="optimizer",
    template="refine_workflow.j2",
    answer=WholeWorkflow,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.9, max_tokens=_WORKFLOW_TOKENS),
    compact=_ADVICE,
)

JUDGE_WORKFLOW: RoleCall[WorkflowJudgement] = RoleCall(
    name="judge_workflow",
    role="optimizer",
    template="judge_workflow.j2",
    answer=WorkflowJudgement,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.0, max_tokens=1_000),
    compact=Variant(
        template="judge_workflow_compact.j2",
        answer=CompactWorkflowJudgement,
        sampling=Sampling(temperature=0.0, max_tokens=200),
        adapt=_as_it_is,
    ),
)

ROLE_CALLS = (PROPOSE_SEEDS, INIT_WORKFLOW, REVISE_WORKFLOW, REFINE_WORKFLOW, REPAIR_WORKFLOW, JUDGE_WORKFLOW)

_BY_KIND = {
    WorkflowKind.INITIAL: INIT_WORKFLOW,
    WorkflowKind.REVISE: REVISE_WORKFLOW,
    WorkflowKind.REFINE: REFINE_WORKFLOW,
    WorkflowKind.REPAIR: REPAIR_WORKFLOW,
}


def workflow_call(kind: WorkflowKind, scope: Scope) -> RoleCall[WorkflowAnswer]:
    """Return the call for this kind, with a schema in which only what is in scope can be answered.

    A first workflow is whole in any scope. In scope ``code`` there is no compact shape: it changes prompts.
    """
    call = _BY_KIND[kind]
    if kind is WorkflowKind.INITIAL or scope is Scope.BOTH:
        return call
    if scope is Scope.PROMPTS:
        return replace(call, answer=ChangedPrompts)
    return replace(call, answer=ChangedCode, compact=None)


def workflow_judge(spec: JobSpec) -> RoleCall[WorkflowJudgement]:
    """``JUDGE_WORKFLOW``, put to the job's judge where it names one; else, as in the paper, to the optimizer."""
    return JUDGE_WORKFLOW if spec.models.judge is None else replace(JUDGE_WORKFLOW, role="judge")
