import pytest

from graftwork.contracts.workflows import Workflow


def of(code: str) -> Workflow:
    return Workflow(prompts={}, code=code)


def test_comments_and_layout_do_not_change_the_shape() -> None:
    assert of("x = 1  # one\n\n").shape_sha256 == of("x=1").shape_sha256
    assert of("x = 1").shape_sha256 != of("x = 2").shape_sha256


@pytest.mark.parametrize(
    "code", ["x = (", "x = 1\0", "x = " + "not " * 100_000 + "1", "x = a" + ".a" * 100_000, "x = " + "[" * 100_000]
)
def test_code_that_cannot_be_parsed_has_the_shape_of_its_text(code: str) -> None:
    assert of(code).shape_sha256 == of(code).shape_sha256
    assert of(code).shape_sha256 != of(f"{code} ").shape_sha256
