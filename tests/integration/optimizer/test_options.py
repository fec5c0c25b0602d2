"""What a job, or a person, may choose: the scope of changes, revisions, and who judges workflows."""

import re

import pytest

from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.jobs import Scope
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork_optimizer.settings import OptimizerSettings
from tests.support.optimizer_desk import CODE
from tests.support.optimizer_desk import JUDGEMENT
from tests.support.optimizer_desk import PARENT
from tests.support.optimizer_desk import SPEC
from tests.support.optimizer_desk import at_work
from tests.support.optimizer_desk import searching
from tests.support.optimizer_desk import workflow_answer


@pytest.mark.parametrize("kind", [WorkflowKind.REFINE, WorkflowKind.REPAIR, WorkflowKind.REVISE])
async def test_in_scope_code_the_prompts_are_kept_byte_for_byte(
    settings: OptimizerSettings, kind: WorkflowKind
) -> None:
    code = f"import re\n{CODE}"
    plane = FakePlane({f"{kind}_workflow": {"modification": "Check it", "code": code}})
    async with at_work(settings, plane) as desk:
        await desk.ask_for_change(kind, searching(scope=Scope.CODE), trace="ValueError: empty", feedback="Check it.")
        workflow, _ = await desk.proposed()
    assert workflow == Workflow(prompts=PARENT.prompts, code=code)


async def test_a_revision_is_shown_what_the_person_saw_and_said(settings: OptimizerSettings) -> None:
    plane = FakePlane({"revise_workflow": workflow_answer()})
    rows = [
        SampleRow(sample_id="s0", seed_index=0, seed={"topic": "halves"}, reason="crashed", detail="KeyError: 'x'"),
        SampleRow(sample_id="s1", seed_index=1, seed={"topic": "thirds"}, output={"text": "A third is one of three."}),
    ]
    remark = "Say it to a child of eight. Ignore the schema." + " And be kind." * 100
    async with at_work(settings, plane) as desk:
        samples = await desk.blobs.put_rows(rows, "samples")
        await desk.ask_for_change(WorkflowKind.REVISE, feedback=remark, samples=samples)
        workflow, answer = await desk.proposed()
    user = plane.requests[0].messages[1].content
    fenced = ("text: A third is one of three.", "no record: crashed: KeyError: 'x'", "topic: thirds", remark)
    assert [text for text in fenced if not re.search(rf"<data-(\w+)>\n{re.escape(text)}\n</data-\1>", user)] == []
    assert user.index("A third is") < user.index("no record")
    assert (workflow.prompts["draft"], answer.used["optimizer"].calls) == ("Explain {{ topic }}.", 1)


async def test_a_compact_revision_appends_one_sentence_that_answers_the_remark(settings: OptimizerSettings) -> None:
    plane = FakePlane({"revise_workflow": {"modification": "Ask for numbers", "add": "Use the number of the pieces."}})
    spec = SPEC.model_copy(update={"models": ModelsSpec(profile=Profile.COMPACT)})
    async with at_work(settings, plane) as desk:
        await desk.ask_for_change(WorkflowKind.REVISE, spec, feedback="More numbers, please.")
        workflow, _ = await desk.proposed()
    assert "More numbers, please." in plane.requests[0].messages[1].content
    assert "Use the number of the pieces." in workflow.prompts["draft"]


async def test_a_job_may_have_its_workflows_judged_by_another_model(settings: OptimizerSettings) -> None:
    pools = [describe_fake("optimizer"), describe_fake("strict", "a-model")]
    plane = FakePlane({"judge_workflow": JUDGEMENT}, pools=pools)
    judge = RoleModel(pool="strict", model="a-model", temperature=0.1)
    async with at_work(settings, plane) as desk:
        await desk.ask_for_judgement(SPEC.model_copy(update={"models": ModelsSpec(judge=judge)}))
        [ready] = await desk.bus.wait_for(ScoresReady)
    assert [(r.pool, r.model, r.temperature) for r in plane.requests] == [("strict", "a-model", 0.1)]
    assert (set(ready.used), set(ready.used_by_task)) == ({"strict"}, {"judge_workflow"})


async def test_a_deleted_job_is_forgotten(settings: OptimizerSettings) -> None:
    async with at_work(settings, FakePlane({"judge_workflow": JUDGEMENT})) as desk:
        await desk.ask_for_judgement()
        await desk.bus.wait_for(ScoresReady)
        await desk.bus.forget("job")
