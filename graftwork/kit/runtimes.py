"""Which runtimes an operator allows: ``GRAFTWORK_SANDBOX_RUNTIMES``, a setting of the gateway and of the runner."""

from collections.abc import Sequence
from typing import Annotated
from typing import Any

from pydantic import BeforeValidator
from pydantic import Field
from pydantic_settings import NoDecode

from graftwork.contracts.runtimes import WorkflowRuntime

SETTING = "GRAFTWORK_SANDBOX_RUNTIMES"


def _read(value: Any) -> Any:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


RuntimesSetting = Annotated[tuple[WorkflowRuntime, ...], NoDecode, BeforeValidator(_read), Field(min_length=1)]
"""Type of a settings field read from names with commas between them."""


def not_allowed(runtime: WorkflowRuntime, allowed: Sequence[WorkflowRuntime]) -> str:
    """What to say of a job whose runtime is none of those ``allowed``."""
    return f"runtime {runtime.value!r} is not allowed here: {SETTING} has {', '.join(allowed)}"
