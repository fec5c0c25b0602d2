"""Settings of the engine that a pod owns, with the backend ``vllm``."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated
from typing import Literal
from typing import Self

from pydantic import AfterValidator
from pydantic import Field
from pydantic import model_validator

from graftwork.kit.settings import ServiceSettings

_OURS = frozenset(
    {
        *("--uds", "--host", "--port", "--grpc", "--grpc-port", "--api-key", "--headless", "--config", "--model"),
        *("--served-model-name", "--revision", "--runner", "--enable-lora", "--lora-modules", "--shutdown-timeout"),
        *("--disable-log-stats", "--root-path", "--ssl-keyfile", "--ssl-certfile"),
    }
)
_ADAPTER_NAME = re.compile(r"[^\s=,{}]+")


def _none_of_ours(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Underscores are as good as dashes to vLLM."""
    names = {argument.partition("=")[0].replace("_", "-") for argument in arguments if argument.startswith("--")}
    if taken := sorted(names & _OURS):
        raise ValueError(f"{', '.join(taken)} cannot be given here: other settings, or the pod itself, say so")
    return arguments


def _nameable(adapters: Mapping[str, str]) -> Mapping[str, str]:
    """As vLLM takes them: ``name=path``."""
    for name, path in adapters.items():
        if not _ADAPTER_NAME.fullmatch(name) or not path:
            raise ValueError(f"adapter {name!r} needs a path, and a name without blanks, '=', ',' and braces")
    return adapters


class EngineSettings(ServiceSettings):
    """Read from ``GRAFTWORK_SOLVERS_BACKEND`` and ``GRAFTWORK_SOLVERS_VLLM_*``."""

    solvers_backend: Literal["openai", "vllm"] = Field(
        default="openai", description="openai: an endpoint somewhere; vllm: an engine that the pod runs itself"
    )
    solvers_vllm_command: str = Field(default="vllm", min_length=1, description="the program, arguments included")
    solvers_vllm_model: str | None = Field(default=None, min_length=1, description="path, or name on the hub")
    solvers_vllm_served_name: str | None = Field(
        default=None, min_length=1, description="what calls name it; default: the model's name, or its path's last part"
    )
    solvers_vllm_revision: str | None = Field(default=None, min_length=1, description="commit or tag on the hub")
    solvers_vllm_runner: Literal["generate", "pooling"] = Field(
        default="generate", description="pooling: the model embeds"
    )
    solvers_vllm_adapters: Annotated[Mapping[str, str], AfterValidator(_nameable)] = Field(
        default_factory=dict, description="LoRA adapters as JSON: name -> path; pools name them among their models"
    )
    solvers_vllm_arguments: Annotated[tuple[str, ...], AfterValidator(_none_of_ours)] = Field(
        default=(), description='further arguments as a JSON list: ["--tensor-parallel-size", "2"]'
    )
    solvers_vllm_start_seconds: float = Field(default=1800.0, gt=0, description="to load the model and to warm up")
    solvers_vllm_shutdown_seconds: float = Field(
        default=15.0, ge=1, description="from SIGTERM to SIGKILL; calls have ended by then"
    )
    solvers_vllm_restart_seconds: float = Field(default=1.0, gt=0, description="first pause before a restart")
    solvers_vllm_longest_restart_seconds: float = Field(default=60.0, gt=0, description="pauses double up to this")

    @model_validator(mode="after")
    def _engine_has_a_model(self) -> Self:
        if self.solvers_backend == "vllm" and self.solvers_vllm_model is None:
            raise ValueError("the backend vllm needs a model: name one in GRAFTWORK_SOLVERS_VLLM_MODEL")
        return self

    @property
    def engine_model(self) -> str:
        """Path or name of the engine's model."""
        return self.solvers_vllm_model or ""

    @property
    def engine_served_name(self) -> str:
        """The name under which the engine's own model is served."""
        local = self.engine_model.startswith(("/", "./", "../", "~"))
        return self.solvers_vllm_served_name or (PurePath(self.engine_model).name if local else self.engine_model)
