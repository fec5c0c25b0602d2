"""The workflows that the scripted model writes, sound and buggy, meet the real sandbox."""

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork_runner.checks import judge
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.workflows import write
from tests.support.workflow_bench import Benches

SPEC = JobSpec(task="Explain fractions to children.", count=1)
SEEDS = [{"topic": f"topic {index}", "audience": "children"} for index in range(3)]


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
        result = await bench.run(written.code, prompts=written.prompts, seeds=SEEDS)
    rows = judge(
        [SeedInput(index, seed) for index, seed in enumerate(SEEDS)],
        result.outcomes,
        schema=SPEC.output.json_schema,
        limits=JsonLimits(),
        node_id="n",
    )
    assert [row.reason for row in rows] == [reason] * 3, [row.detail for row in rows]
