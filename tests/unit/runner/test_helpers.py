"""The modules handed into the sandbox: the names that the stubs offer, bounded, and within the sandbox's limits."""

import ast
import inspect
import json
import statistics
import string
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.dialect import HELPERS
from graftwork.contracts.dialect import Offer
from graftwork.contracts.workflows import FailureReason
from graftwork_runner import helpers
from graftwork_runner import textkit
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches

HEAD = "async def workflow(ctx, seed):\n"
FUNCTIONS = [(module, offer) for module, offers in HELPERS.items() for offer in offers if offer.is_function]


async def value_of(bench: Bench, module: str, expression: str) -> Any:
    result = await bench.run(f"import {module}\n{HEAD}    return {{'value': {expression}}}\n", seeds=[{}])
    assert result.outcomes[0].reason is None, result.outcomes[0].detail
    return json.loads(str(result.outcomes[0].record))["value"]


@pytest.mark.parametrize("module", HELPERS)
async def test_a_module_has_the_names_that_its_stubs_offer_and_no_others(bench: Bench, module: str) -> None:
    offered = [offer.name for offer in HELPERS[module]]
    there = await value_of(bench, module, f"[hasattr({module}, name) for name in {offered!r}]")
    assert there == [True] * len(offered)
    assert sorted(helpers.CONTENT[module]) == sorted(offered)


@pytest.mark.parametrize(("module", "offer"), FUNCTIONS)
def test_a_helper_takes_what_its_stub_says(module: str, offer: Offer) -> None:
    [stub] = ast.parse(f"def {offer.name}{offer.form}: ...").body
    assert isinstance(stub, ast.FunctionDef)
    there = inspect.signature(helpers.CONTENT[module][offer.name]).parameters.values()
    assert [parameter.name for parameter in there] == [argument.arg for argument in stub.args.args]
    told = [ast.literal_eval(default) for default in stub.args.defaults]
    assert [one.default for one in there if one.default is not inspect.Parameter.empty] == told


@pytest.mark.parametrize(
    ("module", "expression", "expected"),
    [
        ("statistics", "statistics.mean([1, 2, 6])", 3),
        ("statistics", "statistics.median([3, 1, 2.5, 9])", 2.75),
        ("statistics", "statistics.stdev([len(word) for word in ['a', 'bbb']])", statistics.stdev([1, 3])),
        ("string", "string.ascii_letters + string.digits", string.ascii_letters + string.digits),
        ("textkit", "textkit.slug('Crème brûlée, please!')", "creme-brulee-please"),
        ("textkit", "textkit.word_count(\"It's 3 o'clock.\")", 3),
        ("textwrap", "textwrap.fill('one two three', width=10)", textwrap.fill("one two three", width=10)),
        ("textwrap", "textwrap.shorten('one two three', 10, placeholder='')", "one two"),
    ],
)
async def test_helpers_do_what_python_does(bench: Bench, module: str, expression: str, expected: object) -> None:
    assert await value_of(bench, module, expression) == expected


@pytest.mark.parametrize(
    ("module", "expression", "detail"),
    [
        ("statistics", "statistics.mean([])", "mean requires at least one data point"),
        ("statistics", "statistics.mean([0] * 2001)", "2,001 values; helpers take at most 2,000"),
        ("statistics", "statistics.mean([10**400])", "helpers take finite numbers of at most 64 bits"),
        ("statistics", "statistics.mean([float('nan')])", "helpers take finite numbers of at most 64 bits"),
        (
            "textkit",
            "textkit.slug('x' * 20_001)",
            "a text of 20,001 characters; helpers take at most 20,000",
        ),
        ("textwrap", "textwrap.wrap('x', 1)", "a width of 1; helpers take 10 to 20,000"),
        ("textwrap", "textwrap.indent('x\\n' * 9000, '   ')", "a text of 45,000 characters"),
        ("textwrap", "textwrap.indent('x', ' ' * 5000)", "a prefix of 5,000 characters"),
    ],
)
async def test_what_is_too_much_raises_inside(bench: Bench, module: str, expression: str, detail: str) -> None:
    result = await bench.run(f"import {module}\n{HEAD}    return {{'value': {expression}}}\n", seeds=[{}])
    assert result.outcomes[0].reason is FailureReason.CRASHED
    assert result.outcomes[0].detail.startswith(f"ValueError: {detail}")


async def test_a_name_that_a_module_does_not_have_is_refused_before_running(bench: Bench) -> None:
    result = await bench.run(f"from statistics import quantiles\n{HEAD}    return {{}}\n", seeds=[{}])
    assert "Module `statistics` has no member `quantiles`" in result.outcomes[0].detail


async def test_helpers_cannot_be_called_for_ever(benches: Benches) -> None:
    code = "import textkit\n" + HEAD + "    while True: textkit.slug('a')\n"
    async with benches.open(helper_calls_per_sample=50, turn_seconds=30, sample_seconds=30) as bench:
        result = await bench.run(code, seeds=[{}])
    assert result.outcomes[0].reason is FailureReason.LIMIT_EXCEEDED
    assert "or called helper modules too often" in result.outcomes[0].detail


def test_the_time_of_all_calls_together_is_bounded() -> None:
    ticks = iter(range(100))
    slow = helpers.modules(2.0, clock=lambda: float(next(ticks)))["textkit"].attrs["slug"]
    assert [slow("A b"), slow(text="C")] == ["a-b", "c"]
    with pytest.raises(RuntimeError, match="at work for more than 2 s"):
        slow("D")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ("```\nplain\n```\n", "plain"),
        ('"quoted"', "quoted"),
        ("\u201cquoted\u201d", "quoted"),
        ('"one" and "two"', '"one" and "two"'),
        ("```\na\n```\nb\n```\nc\n```", "```\na\n```\nb\n```\nc\n```"),
        ("it's", "it's"),
        ('"', '"'),
        ("", ""),
    ],
)
def test_what_wraps_all_of_an_answer_is_taken_off(text: str, expected: str) -> None:
    assert textkit.unfenced(text) == expected


def test_sentences_end_at_their_marks() -> None:
    text = 'He said "Go!" Then (why?) he left. It was 3.5 m. The end'
    assert textkit.sentences(text) == ['He said "Go!"', "Then (why?)", "he left.", "It was 3.5 m.", "The end"]


@given(st.text(max_size=300))
def test_helpers_lose_no_word(text: str) -> None:
    assert "".join("".join(textkit.sentences(text)).split()) == "".join(text.split())
    assert textkit.word_count(text) >= 0
    assert textkit.slug(textkit.slug(text)) == textkit.slug(text)
