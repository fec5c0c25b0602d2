"""The workflows that the scripted model writes, sound and buggy, meet the real sandbox."""

from collections.abc import Mapping

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.workflows import SampleRow
from graftwork_runner.checks import judge
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits
from tests.support.scripted_model.latent import text_quality
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.workflows import rewrite_code
from tests.support.scripted_model.workflows import write
from tests.support.workflow_bench import Benches
from tests.support.workflow_bench import every_runtime
from tests.unit.support import asking

SPEC = JobSpec(task="Explain fractions to children.", count=1)
SEEDS = [{"topic": f"topic {index}", "audience": "children"} for index in range(3)]


async def scripted(call: ModelCall) -> str:
    return asking.text(call.text)


def judged(result: ChunkResult, prompts: Mapping[str, str]) -> list[SampleRow]:
    return judge(
        [SeedInput(index, seed) for index, seed in enumerate(SEEDS)],
        result.outcomes,
        schema=SPEC.output.json_schema,
        limits=JsonLimits(),
        node_id="n",
        prompts=[*prompts.values()],
    )


@every_runtime
@pytest.mark.parametrize(
    ("bug", "two_calls", "reason"),
    [
        (None, False, None),
        (None, True, None),
        (Fault.CODE_CRASHES, False, "crashed"),
        (Fault.CODE_YIELDS, False, "crashed"),
        (Fault.CODE_DOES_NOT_PARSE, False, "crashed"),
        (Fault.CODE_LOOPS, False, "timed_out"),
        (Fault.CODE_RETURNS_WRONG_SHAPE, False, "invalid_output"),
        (Fault.CODE_IS_CANNED, False, "canned_output"),
    ],
)
async def test_each_bug_has_its_reason(
    benches: Benches, bug: Fault | None, reason: str | None, *, two_calls: bool
) -> None:
    written = write("fractions 'completion'", 3.0, "Use plain words.", two_calls=two_calls, bug=bug)
    async with benches.open(turn_seconds=0.5) as bench:
        result = await bench.run(written.code, prompts=written.prompts, seeds=SEEDS, ask=scripted)
    rows = judged(result, written.prompts)
    assert [row.reason for row in rows] == [reason] * 3, [row.detail for row in rows]


@every_runtime
async def test_an_answer_that_copies_the_prompt_is_named_so(benches: Benches) -> None:
    written = write("fractions 'completion'", 0.5, "Use plain words.", two_calls=False, bug=None)

    async def lazy(call: ModelCall) -> str:
        return asking.text(call.text, bug=Fault.COPIED if "topic 1" in call.text else None)

    async with benches.open() as bench:
        result = await bench.run(written.code, prompts=written.prompts, seeds=SEEDS, ask=lazy)
    assert [row.reason for row in judged(result, written.prompts)] == [None, "copied_output", None]


@every_runtime
async def test_changed_code_carries_the_quality_to_the_model(benches: Benches) -> None:
    written = write("fractions 'completion'", 0.2, "Use plain words.", two_calls=True, bug=None)
    code = rewrite_code(f"Code:\n{written.code}", 0.8, bug=None)

    async with benches.open() as bench:
        result = await bench.run(code, prompts=written.prompts, seeds=SEEDS, ask=scripted)
    texts = [str(row.output) for row in judged(result, written.prompts)]
    assert [0.75 < text_quality(text) < 0.85 for text in texts] == [True] * 3
