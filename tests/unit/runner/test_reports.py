"""What the type checker says, and how much of it stops a run."""

import pytest

from graftwork_runner.reports import annotated
from graftwork_runner.reports import certain


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("async def workflow(ctx, seed):\n    pass", "async def workflow(ctx: Ctx, seed: Seed):\n    pass"),
        ("x = 1\nasync def workflow( c , s ):", "x = 1\nasync def workflow( c: Ctx , s: Seed ):"),
        ("async def workflow(ctx, seed) -> dict:", "async def workflow(ctx: Ctx, seed: Seed) -> dict:"),
        ("async def workflow(ctx: Ctx, seed):", "async def workflow(ctx: Ctx, seed):"),
        ("async def helper(ctx, seed):", "async def helper(ctx, seed):"),
    ],
)
def test_bare_parameters_of_the_entry_point_are_annotated_in_place(code: str, expected: str) -> None:
    actual = annotated(code)
    assert expected == actual
    assert code.count("\n") == actual.count("\n")


@pytest.mark.parametrize(
    ("line", "is_certain"),
    [
        ("workflow.py:3:15: error[unresolved-attribute] Object of type `Ctx` has no attribute `ask`", True),
        ("workflow.py:2:8: error[unresolved-import] Cannot resolve imported module `statistics`", True),
        ("workflow.py:9:11: error[invalid-argument-type] Argument to bound method `Ctx.llm` is incorrect", True),
        ("workflow.py:2:30: error[invalid-return-type] Return type does not match returned value", False),
        ("workflow.py:1:16: error[invalid-assignment] Object of type `list[int | str]` is not assignable", False),
        ("workflow.py:3:3: error[invalid-argument-type] Argument to function `f` is incorrect", False),
        ("workflow.py:4:1: error[unresolved-attribute] Attribute `group` is not defined on `None` in union", False),
        ("workflow.py:9:3: warning[unused-awaitable] Object of type `CoroutineType[Any]` is not awaited", False),
    ],
)
def test_only_what_is_sure_to_fail_stops_a_run(line: str, *, is_certain: bool) -> None:
    assert certain(f"{line}\n") == ([line] if is_certain else [])
