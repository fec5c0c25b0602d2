"""Starters in the real sandbox: with a model that says what it is told, with the scripted one, with the tiny one."""

from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from graftwork.cli.job_file import load_job
from graftwork.contracts.records import Layout
from graftwork.contracts.records import OutputSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.seeds import seed_at
from graftwork.contracts.workflows import SampleRow
from graftwork_optimizer import starters
from graftwork_runner.checks import judge
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits
from tests.support.walls import the_strongest
from tests.unit.support import asking

DEMO = Path(__file__).parents[3] / "examples" / "fractions.yaml"
LAYOUTS = {name: Layout.MESSAGES if name == "messages" else Layout.PROMPT_COMPLETION for name in starters.names()}
SEED = {"topic": "halves", "fact": "Two halves make one whole.", "child": "Mia", "thing": "a cake"}
GOOD = "Mia cut the cake with care and gave a piece to her friend."


@pytest.fixture
async def runtime() -> AsyncIterator[MontyRuntime]:
    started = MontyRuntime(Limits(), processes=2, wall=the_strongest())
    await started.start()
    yield started
    await started.close()


async def samples(
    runtime: MontyRuntime, name: str, ask: AskModel, seeds: Sequence[dict[str, Any]], *, seconds: float = 100
) -> list[SampleRow]:
    inputs = [SeedInput(index, seed) for index, seed in enumerate(seeds)]
    chunk = Chunk(workflow=starters.load(name), seeds=inputs, entropy="test", seconds=seconds)
    result = await runtime.run(chunk, ask)
    schema = OutputSpec(layout=LAYOUTS[name]).json_schema
    return judge(inputs, result.outcomes, schema=schema, limits=JsonLimits(), node_id="node")


def demo_seeds(count: int) -> list[dict[str, Any]]:
    spec = load_job(DEMO).spec
    space = SeedSpace(facets=spec.facets or {}, rows=spec.seeds or (), shuffle_seed=spec.seed)
    return [seed_at(space, index) for index in range(count)]


def saying(*answers: str) -> AskModel:
    """A model that gives these answers in turn, the last one for ever."""

    async def answered(call: ModelCall) -> str:
        return answers[min(call.occurrence, len(answers) - 1)]

    return answered


async def scripted(call: ModelCall) -> str:
    return asking.text(call.text, seed=call.occurrence)


@pytest.mark.parametrize("name", ["explain", "messages", "qa"])
async def test_a_starter_makes_a_different_sample_of_every_seed(runtime: MontyRuntime, name: str) -> None:
    rows = await samples(runtime, name, scripted, demo_seeds(12))
    assert [(row.reason, row.detail) for row in rows if not row.ok] == []


@pytest.mark.parametrize("name", ["explain", "messages", "qa"])
async def test_a_starter_makes_do_with_seeds_it_does_not_know(runtime: MontyRuntime, name: str) -> None:
    rows = await samples(runtime, name, scripted, [{"difficulty": "hard", "form": form} for form in ("a", "b")])
    assert [row.reason for row in rows] == [None, None]


@pytest.mark.parametrize("name", starters.names())
async def test_a_model_that_says_nothing_ends_in_a_readable_failure(runtime: MontyRuntime, name: str) -> None:
    [row] = await samples(runtime, name, saying(""), [SEED])
    assert row.reason == "crashed"
    assert "no usable" in str(row.detail)


async def test_facts_states_the_fact_and_lets_the_model_tell_the_scene(runtime: MontyRuntime) -> None:
    [row] = await samples(runtime, "facts", saying(f"{GOOD} And then more."), [SEED])
    assert row.output == {
        "prompt": "Explain halves to a child, with a short story about Mia and a cake.",
        "completion": "Two halves make one whole. Mia had a cake and wanted to share it fairly with a friend. " + GOOD,
    }


@pytest.mark.parametrize(
    "refused",
    [
        "Mia gave her friend three quarters of the cake.",
        "Mia gave the friend 2 slices of cake.",
        "Mia didn't want to share the cake with the friend.",
        "The weather was fine on that day in the town.",
        'Mia said, "Here is your cake, my friend."',
        "Mia and the friend went on and",
        "Mia had a cake and wanted to share it fairly with a friend.",
    ],
)
async def test_facts_asks_again_for_what_may_be_wrong_or_is_no_scene(runtime: MontyRuntime, refused: str) -> None:
    [row] = await samples(runtime, "facts", saying(refused, GOOD), [SEED])
    assert row.calls == 2
    assert str((row.output or {})["completion"]).endswith(GOOD)


async def test_explain_drops_what_is_cut_off_and_what_goes_round_in_circles(runtime: MontyRuntime) -> None:
    circles = "A half is a part of a whole. A half is a part of a whole. A half is a part of a whole."
    whole = "A half is what you get when two people share fairly."
    [row] = await samples(runtime, "explain", saying(circles, f"{whole} And the other ha"), [SEED])
    assert (row.output or {})["completion"] == whole


@pytest.mark.tiny
@pytest.mark.timeout(600)
async def test_the_tiny_model_makes_the_demo_s_samples(runtime: MontyRuntime, tiny_model_url: str) -> None:
    async with httpx.AsyncClient(base_url=tiny_model_url, timeout=300, trust_env=False) as client:
        rows = await samples(runtime, "facts", _tiny(client), demo_seeds(8), seconds=500)
    assert {row.reason for row in rows} <= {None, "crashed"}
    assert sum(row.ok for row in rows) >= 6


def _tiny(client: httpx.AsyncClient) -> Callable[[ModelCall], Any]:
    async def ask(call: ModelCall) -> str:
        body = {
            "messages": [{"role": "user", "content": call.text}],
            "temperature": 1.0,
            "max_tokens": 140,
            "seed": 100 * call.seed_index + call.occurrence,
        }
        response = await client.post("chat/completions", json=body)
        return str(response.json()["choices"][0]["message"]["content"])

    return ask
