from collections.abc import AsyncIterator
from typing import Any

import pytest
from jinja2 import Environment
from jinja2 import StrictUndefined
from pydantic_monty import AsyncMonty
from pydantic_monty import ClassInstance
from pydantic_monty import MontyError
from pydantic_monty import MontySyntaxError
from pydantic_monty import ResourceLimits

from tests.support.scripted_model import Quality
from tests.support.scripted_model.script import Fault
from tests.unit.support import asking

SEED = {"topic": "halves", "audience": "a baker"}
LIMITS = ResourceLimits(max_feed_duration_secs=0.5)


class Context:
    """Renders a prompt and lets the scripted model answer it."""

    def __init__(self, prompts: dict[str, str]) -> None:
        self.calls = 0
        environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - prompts are plain text
        self._templates = {name: environment.from_string(template) for name, template in prompts.items()}

    async def llm(self, name: str, **variables: Any) -> str:
        self.calls += 1
        return asking.text(self._templates[name].render(variables))


@pytest.fixture
async def monty() -> AsyncIterator[AsyncMonty]:
    async with AsyncMonty() as pool:
        yield pool


async def run(monty: AsyncMonty, workflow: dict[str, Any]) -> tuple[Any, int]:
    context = Context({one["name"]: one["template"] for one in workflow["prompts"]})
    inputs = {"ctx": ClassInstance(context, allowed_methods={"llm"}), "seed": SEED}
    async with monty.checkout(limits=LIMITS) as session:
        made = await session.feed_run(f"{workflow['code']}\nawait workflow(ctx, seed)", inputs=inputs)
    return made, context.calls


def written(*, record: str = asking.RECORD, bug: Fault | None = None, second_call_share: float = 0.0) -> dict[str, Any]:
    knobs = Quality(second_call_share=second_call_share)
    found: dict[str, Any] = asking.answer(f"Schema: {record}", role="init_workflow", bug=bug, knobs=knobs)
    return found


async def test_what_it_writes_runs(monty: AsyncMonty) -> None:
    record, calls = await run(monty, written())
    assert record["prompt"] == "Tell me about halves (audience: a baker)."
    assert "halves" in record["completion"]
    assert "[q=0.3" in record["completion"] or "[q=0.2" in record["completion"]
    assert calls == 1


async def test_a_workflow_of_two_calls_polishes_its_draft(monty: AsyncMonty) -> None:
    record, calls = await run(monty, written(second_call_share=1.0))
    assert record["completion"].count("[q=") == 1
    assert calls == 2


@pytest.mark.parametrize(("layout", "keys"), [("messages", {"messages"}), ("text", {"text"})])
async def test_records_have_the_layout_that_the_prompt_shows(monty: AsyncMonty, layout: str, keys: set[str]) -> None:
    record, _ = await run(monty, written(record=f'{{"required": ["{layout}"]}}'))
    assert set(record) == keys


@pytest.mark.parametrize("bug", [Fault.CODE_CRASHES, Fault.CODE_YIELDS, Fault.CODE_LOOPS])
async def test_bugs_crash_when_run(monty: AsyncMonty, bug: Fault) -> None:
    with pytest.raises(MontyError):
        await run(monty, written(bug=bug))


async def test_a_bug_of_syntax_does_not_parse(monty: AsyncMonty) -> None:
    with pytest.raises(MontySyntaxError):
        await run(monty, written(bug=Fault.CODE_DOES_NOT_PARSE))


async def test_canned_code_asks_no_model(monty: AsyncMonty) -> None:
    record, calls = await run(monty, written(bug=Fault.CODE_IS_CANNED))
    assert "[q=" not in record["completion"]
    assert calls == 0


async def test_the_wrong_shape_is_another_record(monty: AsyncMonty) -> None:
    record, _ = await run(monty, written(bug=Fault.CODE_RETURNS_WRONG_SHAPE))
    assert set(record) == {"unexpected"}
