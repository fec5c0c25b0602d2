"""The optimizer from event to event, on a real MongoDB, with a model plane that answers from a script."""

from dataclasses import replace

import pytest

from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import InitialWorkflow
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import Scope
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.workflows import Experience
from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores
from graftwork.models.context import model_context
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork_optimizer import starters
from graftwork_optimizer.bootstrap import build
from graftwork_optimizer.settings import OptimizerSettings
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.optimizer_desk import CODE
from tests.support.optimizer_desk import JUDGEMENT
from tests.support.optimizer_desk import SPEC
from tests.support.optimizer_desk import at_work
from tests.support.optimizer_desk import common
from tests.support.optimizer_desk import in_turn
from tests.support.optimizer_desk import searching
from tests.support.optimizer_desk import unasked
from tests.support.optimizer_desk import workflow_answer


async def test_a_seed_space_is_proposed_from_the_task(settings: OptimizerSettings) -> None:
    facets = [{"name": name, "values": [f"{name} {n}" for n in range(5)]} for name in ("topic", "reader", "form")]
    plane = FakePlane({"propose_seeds": {"facets": facets}})
    async with at_work(settings, plane) as desk:
        space = await desk.ask_for_seeds(SPEC)
        [proposed] = await desk.bus.all(SeedsProposed)
    assert (space.size, space.shuffle_seed, sorted(space.facets)) == (125, 11, ["form", "reader", "topic"])
    assert proposed.used["optimizer"].calls == 1


async def test_the_users_facets_and_rows_cost_no_call(settings: OptimizerSettings) -> None:
    spec = SPEC.model_copy(update={"facets": {"tone": ("calm",)}, "seeds": ({"topic": "halves"}, {"topic": "thirds"})})
    async with at_work(settings, FakePlane(unasked)) as desk:
        space = await desk.ask_for_seeds(spec)
        [proposed] = await desk.bus.all(SeedsProposed)
    assert (space.size, proposed.used) == (2, {})


async def test_a_first_workflow_is_written_by_the_optimizer(settings: OptimizerSettings) -> None:
    plane = FakePlane({"init_workflow": workflow_answer()})
    async with at_work(settings, plane) as desk:
        space = await desk.blobs.put_json(SeedSpace(facets={"topic": ("halves", "thirds")}), "seeds")
        await desk.ask_for_workflow(WorkflowKind.INITIAL, space=space)
        workflow, answer = await desk.proposed()
    assert (workflow.code, answer.modification, answer.node_id) == (CODE, "Explain", "n1")
    assert answer.used["optimizer"].calls == 1
    assert "topic (str), 2 values: halves; thirds" in plane.requests[0].messages[1].content


async def test_code_that_does_not_parse_is_shown_back_and_mended(settings: OptimizerSettings) -> None:
    plane = FakePlane(in_turn(workflow_answer(code="async def workflow(ctx, seed"), workflow_answer()))
    async with at_work(settings, plane) as desk:
        await desk.ask_for_workflow(WorkflowKind.INITIAL)
        workflow, answer = await desk.proposed()
    assert workflow.code == CODE
    assert answer.used["optimizer"].calls == 2
    assert "the code does not parse: line 1" in plane.requests[1].messages[-1].content


@pytest.mark.parametrize("bad", ["", "Sure! Here it is:", '{"modification": "x", "pro', workflow_answer("{{ tone }}")])
async def test_an_answer_that_stays_invalid_is_a_typed_failure(settings: OptimizerSettings, bad: FakeAnswer) -> None:
    async with at_work(settings, FakePlane(in_turn(bad))) as desk:
        await desk.ask_for_workflow(WorkflowKind.INITIAL)
        failure = await desk.failure()
    assert (failure.stage, failure.code, failure.error_class) == ("write_workflow", "invalid_answer", "permanent")
    assert failure.used["optimizer"].calls == 3


async def test_the_users_own_workflow_is_taken_as_it_is(settings: OptimizerSettings) -> None:
    own = InitialWorkflow(prompts={"draft": "{{ topic }}\n", "unused": ""}, code=f"{CODE}\n#  not as we would\n{CODE}")
    async with at_work(settings, FakePlane(unasked)) as desk:
        await desk.ask_for_workflow(WorkflowKind.INITIAL, searching(initial=own))
        workflow, answer = await desk.proposed()
    assert (dict(workflow.prompts), workflow.code) == (own.prompts, own.code)
    assert answer.used == {}


async def test_the_users_own_workflow_that_cannot_run_is_a_typed_failure(settings: OptimizerSettings) -> None:
    own = InitialWorkflow(prompts={"draft": "{% set a = 1 %}"}, code=CODE.replace("draft", "sketch"))
    async with at_work(settings, FakePlane(unasked)) as desk:
        await desk.ask_for_workflow(WorkflowKind.INITIAL, searching(initial=own))
        failure = await desk.failure()
    assert (failure.code, failure.error_class, failure.used) == ("unusable_workflow", "permanent", {})
    assert "prompt 'draft', line 1: assign is not supported in prompts" in failure.message
    assert "line 2: ctx.llm('sketch') names a prompt that does not exist (there are: draft)" in failure.message


async def test_a_starter_is_taken_as_it_is(settings: OptimizerSettings) -> None:
    name = starters.names()[0]
    async with at_work(settings, FakePlane(unasked)) as desk:
        await desk.ask_for_workflow(WorkflowKind.INITIAL, searching(initial=InitialWorkflow(starter=name)))
        workflow, answer = await desk.proposed()
    assert workflow == starters.load(name)
    assert name in answer.modification


async def test_a_refinement_is_told_what_was_learnt_and_changes_prompts_and_code(settings: OptimizerSettings) -> None:
    plane = FakePlane({"refine_workflow": workflow_answer(code=f"# new\nimport re\n{CODE}")})
    past = Experience(node_id="n2", parent_id="n0", modification="Ask for rhymes", before=3.5, after=2.5, feedback="no")
    async with at_work(settings, plane) as desk:
        await desk.ask_for_change(
            WorkflowKind.REFINE, parent_reward=3.5, experiences=[past], suggestions=["Clear (2/5): too long"]
        )
        workflow, _ = await desk.proposed()
    user = plane.requests[0].messages[1].content
    expected = ("R = 3.50", "Ask for rhymes", "3.50 -> 2.50 (-1.00)", "too long", CODE)
    assert [text for text in expected if text not in user] == []
    assert (dict(workflow.prompts), "import re" in workflow.code) == ({"draft": "Explain {{ topic }}."}, True)


@pytest.mark.parametrize("kind", [WorkflowKind.REFINE, WorkflowKind.REPAIR, WorkflowKind.REVISE])
async def test_in_scope_prompts_the_code_is_kept_byte_for_byte(settings: OptimizerSettings, kind: WorkflowKind) -> None:
    prompts = [{"name": "draft", "template": "Explain {{ topic }}."}]
    plane = FakePlane({f"{kind}_workflow": {"modification": "Explain", "prompts": prompts}})
    async with at_work(settings, plane) as desk:
        await desk.ask_for_change(kind, searching(scope=Scope.PROMPTS), trace="ValueError: empty")
        workflow, _ = await desk.proposed()
    assert workflow == Workflow(prompts={"draft": "Explain {{ topic }}."}, code=CODE)


async def test_a_repair_is_shown_the_crash(settings: OptimizerSettings) -> None:
    plane = FakePlane({"repair_workflow": workflow_answer()})
    async with at_work(settings, plane) as desk:
        await desk.ask_for_change(WorkflowKind.REPAIR, trace="line 2: KeyError: 'topic'")
        await desk.proposed()
    assert "KeyError: 'topic'" in plane.requests[0].messages[1].content


async def test_a_compact_refinement_appends_one_sentence(settings: OptimizerSettings) -> None:
    plane = FakePlane({"refine_workflow": {"modification": "Ask for an example", "add": "Give one example."}})
    spec = searching(scope=Scope.PROMPTS).model_copy(update={"models": ModelsSpec(profile=Profile.COMPACT)})
    async with at_work(settings, plane) as desk:
        await desk.ask_for_change(WorkflowKind.REFINE, spec)
        workflow, answer = await desk.proposed()
    assert workflow.prompts["draft"].startswith("Write about {{ topic }}.\n")
    assert "Give one example." in workflow.prompts["draft"]
    assert (workflow.code, answer.modification) == (CODE, "Ask for an example")


async def test_a_change_of_nothing_is_a_typed_failure(settings: OptimizerSettings) -> None:
    async with at_work(settings, FakePlane(unasked)) as desk:
        await desk.ask_for_workflow(WorkflowKind.REFINE)
        failure = await desk.failure()
    assert (failure.code, failure.used) == ("parent_missing", {})


async def test_a_workflow_is_judged_by_six_scores(settings: OptimizerSettings) -> None:
    plane = FakePlane({"judge_workflow": JUDGEMENT})
    async with at_work(settings, plane) as desk:
        await desk.ask_for_judgement(component=ScoreComponent.SAMPLE, request_id="job:r0")
        await desk.ask_for_judgement()
        [ready] = await desk.bus.wait_for(ScoresReady)
        [scores] = await desk.blobs.read_models(ready.matrix, WorkflowScores)
    assert (ready.request_id, ready.component, ready.score) == ("job:r1", ScoreComponent.WORKFLOW, 3.0)
    assert scores.model_dump() == JUDGEMENT
    assert ready.suggestions == ("the workflow itself: Name the reader.",)
    assert [(r.schema_name, r.temperature) for r in plane.requests] == [("judge_workflow", 0.0)]


async def test_requests_come_and_answers_go_over_kafka(settings: OptimizerSettings, kafka_address: str) -> None:
    settings = settings.model_copy(update={"kafka": kafka_address})
    plane = FakePlane({"init_workflow": workflow_answer()})
    service = replace(await build(settings), context=model_context(plane))
    async with bus_of(settings) as bus, running(service):
        fields = {"node_id": "n1", "kind": WorkflowKind.INITIAL}
        await bus.send(WorkflowRequested.model_validate({**await common(service.blobs, SPEC), **fields}))
        [proposed] = await bus.wait_for(WorkflowProposed)
    assert (proposed.modification, proposed.used["optimizer"].calls) == ("Explain", 1)
