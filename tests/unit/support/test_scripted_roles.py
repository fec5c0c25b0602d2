"""The platform's own role calls accept what the scripted model answers, in both shapes."""

from collections.abc import Mapping
from typing import Any

import pytest

from graftwork.contracts.dialect import DIALECT
from graftwork.contracts.dialect import STUBS
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.jobs import InitialWorkflow
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import Scope
from graftwork.contracts.jobs import SearchSpec
from graftwork.contracts.workflows import Experience
from graftwork.contracts.workflows import Judgement
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.models.plane import GenerateRequest
from graftwork.models.roles import RoleCall
from graftwork_evaluator import presentation as shown_to_evaluator
from graftwork_evaluator import roles as evaluator
from graftwork_optimizer import presentation
from graftwork_optimizer import roles as optimizer
from graftwork_optimizer import seeding
from graftwork_optimizer import starters
from tests.support.scripted_model import Quality
from tests.support.scripted_model.answers import Asked
from tests.support.scripted_model.answers import content
from tests.support.scripted_model.conversation import ChatCall
from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.latent import FAILS
from tests.support.scripted_model.latent import SHOWS
from tests.support.scripted_model.latent import template_quality
from tests.support.scripted_model.latent import text_marker
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.workflows import write
from tests.unit.support.asking import RECORD

SPECS = {
    profile: JobSpec(task="Explain fractions to children of eight.", count=5, models=ModelsSpec(profile=profile))
    for profile in Profile
}
STANDARD = SPECS[Profile.STANDARD]
METRICS = tuple(
    Metric(name=name, definition="As it says.", positive_exemplar="A good one.", negative_exemplar="A bad one.")
    for name in ("Warm tone", "True numbers", "Short steps")
)
SAMPLE = SampleRow(sample_id="s", seed_index=0, seed={}, output={"completion": f"A half {text_marker(0.1)}."})
EXPERIENCE = Experience(node_id="n1", parent_id="n0", modification="Ask for units", before=2.0, after=3.0)


def asked(request: GenerateRequest, seed: int = 0, knobs: Quality | None = None) -> str:
    wanted = {"name": request.schema_name, "schema": request.json_schema}
    messages = [message.model_dump() for message in request.messages]
    body = {"messages": messages, "response_format": {"type": "json_schema", "json_schema": wanted}}
    return content(
        Asked(call=ChatCall.parse(body), knobs=knobs or Quality(), draws=Draws(seed, request.model_dump_json()))
    )


def answer(call: RoleCall[Any], spec: JobSpec, variables: Mapping[str, Any], seed: int = 0) -> Any:
    text = asked(call.request(spec, variables, seed=seed), seed)
    return call.accept(spec, text, {**variables, "task": spec.task, "spec": spec})


def workflow_variables(parent: Workflow | None, scope: Scope = Scope.BOTH) -> dict[str, Any]:
    shown = {
        "output_schema": presentation.schema_text(STANDARD),
        "seed": "topic: halves\naudience: a child",
        "dialect": DIALECT,
        "stubs": STUBS,
        "scope": scope.value,
        "reward": 2.5,
        "memory": presentation.memory([EXPERIENCE], "n0"),
        "suggestions": ("Warm tone: partly there.",),
        "remarks": ("Use more numbers.",),
        "samples": presentation.shown_samples([SAMPLE]),
        "trace": "KeyError: 'topic'",
    }
    return shown if parent is None else {**shown, "prompts": parent.prompts, "code": parent.code}


@pytest.fixture
def root() -> Workflow:
    found = answer(optimizer.INIT_WORKFLOW, STANDARD, workflow_variables(None))
    applied: Workflow = found.applied_to(None)
    return applied


@pytest.mark.parametrize("seed", range(5))
def test_seeds(seed: int) -> None:
    variables = {
        "output_schema": presentation.schema_text(STANDARD),
        "fewest_facets": seeding.FEWEST_FACETS,
        "most_facets": seeding.MOST_FACETS,
        "fewest_values": seeding.FEWEST_VALUES,
        "most_values": seeding.MOST_VALUES,
    }
    facets = answer(optimizer.PROPOSE_SEEDS, STANDARD, variables, seed).by_name()
    assert {"topic", "audience"} <= set(facets)
    assert all(word not in " ".join(facets["topic"]) for word in ("properties", "minlength"))


@pytest.mark.parametrize("call", [optimizer.REFINE_WORKFLOW, optimizer.REPAIR_WORKFLOW, optimizer.REVISE_WORKFLOW])
@pytest.mark.parametrize("seed", range(5))
def test_whole_workflows(root: Workflow, call: RoleCall[Any], seed: int) -> None:
    found = answer(call, STANDARD, workflow_variables(root), seed).applied_to(root)
    assert found.shape_sha256 != root.shape_sha256
    assert "Ask for units" not in found.prompts["draft"]


@pytest.mark.parametrize("starter", starters.names())
@pytest.mark.parametrize("profile", Profile)
def test_changed_prompts_of_a_starter(starter: str, profile: Profile) -> None:
    parent = starters.load(starter)
    search = SearchSpec(scope=Scope.PROMPTS, initial=InitialWorkflow(starter=starter))
    spec = SPECS[profile].model_copy(update={"search": search})
    call = optimizer.workflow_call(WorkflowKind.REFINE, Scope.PROMPTS)
    found = answer(call, spec, workflow_variables(parent, Scope.PROMPTS)).applied_to(parent)
    assert found.code == parent.code
    assert set(found.prompts) == set(parent.prompts)
    assert template_quality("\n".join(found.prompts.values()), -1.0) >= 0


CHANGES = [WorkflowKind.REFINE, WorkflowKind.REPAIR, WorkflowKind.REVISE]


@pytest.mark.parametrize("starter", [None, *starters.names()])
@pytest.mark.parametrize("kind", CHANGES)
def test_changed_code(root: Workflow, starter: str | None, kind: WorkflowKind) -> None:
    parent = root if starter is None else starters.load(starter)
    call = optimizer.workflow_call(kind, Scope.CODE)
    child = answer(call, STANDARD, workflow_variables(parent, Scope.CODE)).applied_to(parent)
    refine = optimizer.workflow_call(WorkflowKind.REFINE, Scope.CODE)
    again = answer(refine, STANDARD, workflow_variables(child, Scope.CODE), 1).applied_to(child)
    assert parent.prompts == child.prompts == again.prompts
    calls = child.code.count("ctx.llm(")
    assert [code.count("(Code marker q=") for code in (child.code, again.code)] == [calls, calls]


@pytest.mark.parametrize("bug", [Fault.CODE_CRASHES, Fault.CODE_DOES_NOT_PARSE, Fault.CODE_LOOPS, Fault.CODE_IS_CANNED])
def test_a_repair_of_code_alone_takes_the_bug_out(bug: Fault) -> None:
    written = write(RECORD, 0.3, "Use plain words.", two_calls=False, bug=bug)
    broken = Workflow(prompts=written.prompts, code=written.code)
    call = optimizer.workflow_call(WorkflowKind.REPAIR, Scope.CODE)
    mended = answer(call, STANDARD, workflow_variables(broken, Scope.CODE)).applied_to(broken)
    assert mended.prompts == broken.prompts
    assert "no such key" not in mended.code
    assert "while True" not in mended.code
    assert mended.code.count("ctx.llm(") == 1


def test_a_revision_is_better_than_what_it_revises(root: Workflow) -> None:
    found = answer(optimizer.REVISE_WORKFLOW, STANDARD, workflow_variables(root)).applied_to(root)
    before, after = (template_quality("\n".join(one.prompts.values()), -1.0) for one in (root, found))
    assert after > before + 0.2


@pytest.mark.parametrize("profile", Profile)
def test_a_judgement_of_the_workflow(root: Workflow, profile: Profile) -> None:
    found = answer(optimizer.JUDGE_WORKFLOW, SPECS[profile], workflow_variables(root))
    assert 1.5 <= found.to_scores().score <= 3.0


def sample(quality: float, spec: JobSpec) -> Any:
    output = {"prompt": "Explain halves.", "completion": f"A half is a part {text_marker(quality)}. It is fair."}
    row = SampleRow(sample_id="s", seed_index=0, seed={"topic": "halves"}, output=output)
    return shown_to_evaluator.one_sample(row, spec)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("wanted", [(3, 3), (5, 8)])
def test_metrics(profile: Profile, wanted: tuple[int, int]) -> None:
    spec = SPECS[profile]
    fewest, most = wanted
    variables = {"samples": [sample(0.5, spec)], "output_schema": "{}", "fewest": fewest, "most": most}
    found = answer(evaluator.propose_metrics(fewest, most), spec, variables).to_set().metrics
    assert (3 if profile is Profile.COMPACT else fewest) <= len(found) <= most


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(("quality", "low", "high"), [(0.0, 1, 1), (0.5, 2, 4), (1.0, 5, 5)])
def test_scores_follow_the_quality_of_the_sample(profile: Profile, quality: float, low: int, high: int) -> None:
    spec = SPECS[profile]
    variables = {"sample": sample(quality, spec), "metrics": METRICS}
    found = answer(evaluator.score_sample(METRICS), spec, variables).by_metric(METRICS)
    assert list(found) == [metric.name for metric in METRICS]
    assert all(low <= judgement.score <= high for judgement in found.values())


@pytest.mark.parametrize(("muddled", "positive", "negative"), [(0.0, {5}, {1, 2}), (1.0, {3}, {3})])
def test_exemplars_score_as_meant_unless_the_metric_is_muddled(
    muddled: float, positive: set[int], negative: set[int]
) -> None:
    variables = {"samples": [sample(0.5, STANDARD)], "output_schema": "{}", "fewest": 5, "most": 8}
    call = evaluator.propose_metrics(5, 8)
    text = asked(call.request(STANDARD, variables, seed=0), knobs=Quality(muddled_metric_share=muddled))
    metrics = call.accept(STANDARD, text, {**variables, "task": STANDARD.task}).to_set().metrics
    assert {exemplar_score(metric, metric.positive_exemplar) for metric in metrics} <= positive
    assert {exemplar_score(metric, metric.negative_exemplar) for metric in metrics} <= negative


def exemplar_score(metric: Metric, exemplar: str) -> int:
    bare = metric.model_copy(update={"positive_exemplar": "", "negative_exemplar": ""})
    variables = {"sample": shown_to_evaluator.one_passage(exemplar, STANDARD), "metrics": [bare]}
    found: dict[str, Judgement] = answer(evaluator.score_sample([bare]), STANDARD, variables).by_metric([bare])
    return found[metric.name].score


def test_the_exemplars_of_a_metric_do_not_colour_the_score_of_a_sample() -> None:
    metric = Metric(name="Kind", definition="d", positive_exemplar=f"{SHOWS} a.", negative_exemplar=f"{FAILS} b.")
    variables = {"sample": sample(1.0, STANDARD), "metrics": [metric]}
    assert answer(evaluator.score_sample([metric]), STANDARD, variables).by_metric([metric])["Kind"].score == 5
