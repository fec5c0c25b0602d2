from typing import Any

import pytest

from graftwork_solvers.wording import cut_before
from graftwork_solvers.wording import may_be_enforced
from graftwork_solvers.wording import without_fence
from graftwork_solvers.wording import without_system


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('\n```\n{"a":\n1}\n```\n', '{"a":\n1}'),
        ('```JSON \n{"a": 1}```', '{"a": 1}'),
        ('{"a": "```json\\nx\\n```"}', '{"a": "```json\\nx\\n```"}'),
        ('Here:\n```json\n{"a": 1}\n```', 'Here:\n```json\n{"a": 1}\n```'),
        ("", ""),
    ],
)
def test_a_text_that_is_one_code_block_and_nothing_else_is_what_stands_in_it(text: str, inside: str) -> None:
    assert without_fence(text) == inside


@pytest.mark.parametrize(("stops", "left"), [((), "one two"), (("two", "e"), "on"), (("three",), "one two")])
def test_a_text_is_cut_before_the_first_stop(stops: tuple[str, ...], left: str) -> None:
    assert cut_before("one two", stops) == left


@pytest.mark.parametrize(
    ("text", "schema", "possible"),
    [
        ('{"a": 1, "b": 2}', {"required": ["a"]}, True),
        ("[]", {"type": "array"}, True),
        ('{"b": 2}', {"required": ["a"]}, False),
        ('["a"]', {"required": ["a"]}, False),
        ('```json\n{"a": 1}\n```', {"required": ["a"]}, False),
        ("Blue.", {}, False),
        ("", {}, False),
    ],
)
def test_an_answer_tells_whether_its_schema_was_enforced(text: str, schema: dict[str, Any], *, possible: bool) -> None:
    assert may_be_enforced(text, schema) is possible


def test_a_system_that_speaks_alone_becomes_the_user() -> None:
    assert without_system([{"role": "system", "content": "a"}]) == [{"role": "user", "content": "a"}]
