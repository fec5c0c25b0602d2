"""What is read out of a workflow's code."""

import pytest

from graftwork_optimizer.reading import PromptCall
from graftwork_optimizer.reading import Unreadable
from graftwork_optimizer.reading import first_prompt
from graftwork_optimizer.reading import parsed
from graftwork_optimizer.reading import prompt_calls


def test_the_first_prompt_is_the_one_asked_first_in_the_text() -> None:
    code = 'async def workflow(ctx, seed):\n    a = await ctx.llm("one")\n    return {"t": await ctx.llm("two", a=a)}'
    assert first_prompt(code) == "one"


@pytest.mark.parametrize("code", ["", "ctx.llm(name)", 'ctx.llm("draft"'])
def test_there_may_be_no_prompt_to_name(code: str) -> None:
    assert first_prompt(code) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('ctx.llm("one", a=1, b=2)', [PromptCall("llm", "one", frozenset("ab"), 1)]),
        ('\nx.y.llm_json("one")', [PromptCall("llm_json", "one", frozenset(), 2)]),
        ('ctx.llm("one", **seed, a=1)', [PromptCall("llm", "one", None, 1)]),
        ('ctx.ask("one")\nllm("one")\nctx.llm(1)\nctx.llm()', []),
        ('class Mine:\n    async def llm(self, text): ...\nMine().llm("some text")', []),
    ],
)
def test_calls_are_read_from_literals(code: str, expected: list[PromptCall]) -> None:
    assert expected == list(prompt_calls(parsed(code)))


@pytest.mark.parametrize("code", ["x = (1", "def f(:", "a b", "  x = 1\ny = 2", "1 = x"])
def test_what_no_python_reads_is_certainly_unreadable(code: str) -> None:
    with pytest.raises(Unreadable, match=r"^line \d") as refused:
        parsed(code)
    assert refused.value.certain


@pytest.mark.parametrize(
    "code",
    [
        """f'{seed['topic']}'""",
        """x = f"{'\\n'.join(lines)}\"""",
        "try:\n    f()\nexcept KeyError, ValueError:\n    g()",
        "def f[T](x: T) -> T:\n    return x",
        "class Pair[T]:\n    pass",
    ],
)
def test_what_the_runtime_reads_is_readable_or_doubtful_in_every_python(code: str) -> None:
    try:
        parsed(code)
    except Unreadable as doubt:
        assert not doubt.certain  # noqa: PT017 - a later Python raises nothing
