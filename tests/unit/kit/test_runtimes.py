"""Which runtimes an operator allows."""

import pytest
from pydantic import ValidationError

from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.kit.runtimes import RuntimesSetting
from graftwork.kit.runtimes import not_allowed
from graftwork.kit.settings import ServiceSettings


class Settings(ServiceSettings):
    sandbox_runtimes: RuntimesSetting = (WorkflowRuntime.MONTY,)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("monty", (WorkflowRuntime.MONTY,)),
        ("monty, cpython", (WorkflowRuntime.MONTY, WorkflowRuntime.CPYTHON)),
        ("cpython", (WorkflowRuntime.CPYTHON,)),
    ],
)
def test_they_are_read_from_names_with_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, allowed: tuple[WorkflowRuntime, ...]
) -> None:
    monkeypatch.setenv("GRAFTWORK_SANDBOX_RUNTIMES", text)
    assert Settings().sandbox_runtimes == allowed


@pytest.mark.parametrize("text", ["", "pypy", "monty,,cpython"])
def test_what_is_no_runtime_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GRAFTWORK_SANDBOX_RUNTIMES", text)
    with pytest.raises(ValidationError, match="'monty' or 'cpython'"):
        Settings()


def test_a_refusal_names_the_setting() -> None:
    assert not_allowed(WorkflowRuntime.CPYTHON, [WorkflowRuntime.MONTY]) == (
        "runtime 'cpython' is not allowed here: GRAFTWORK_SANDBOX_RUNTIMES has monty"
    )
