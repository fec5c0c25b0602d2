"""Settings of the runner."""

import os
from pathlib import Path

from platformdirs import site_cache_path
from platformdirs import user_cache_path
from pydantic import Field

from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.kit.runtimes import RuntimesSetting
from graftwork.models.settings import CallerSettings
from graftwork_runner.sandbox import Limits
from graftwork_runner.walls import WallChoice

_DEFAULT = Limits()


def _home() -> Path:
    """Root's own cache is closed to whomever root's sandboxes run as."""
    find = site_cache_path if os.geteuid() == 0 else user_cache_path
    return find("graftwork", appauthor=False) / "runtimes"


class RunnerSettings(CallerSettings):
    """Read from ``GRAFTWORK_*``. What a workflow may use, and how many may run at once."""

    sandbox_processes: int = Field(
        default=16,
        ge=1,
        description="most worker processes of each runtime; with fewer than task_concurrency, requests wait for one",
    )
    sandbox_sessions_per_worker: int = Field(
        default=500, ge=1, description="of monty: sessions after which a worker is replaced; 1, none is used again"
    )
    sandbox_binary: Path | None = Field(default=None, description="the worker; default: the one installed")
    sandbox_wall: WallChoice = Field(
        default="auto", description="around the workers: the strongest that stands here, one by name, or none"
    )
    sandbox_runtimes: RuntimesSetting = Field(
        default=(WorkflowRuntime.MONTY,),
        description="runtimes that a job may name, with commas between them; cpython needs a wall",
    )
    sandbox_home: Path = Field(
        default_factory=_home, description="of cpython: directory for its interpreter, which others have to reach"
    )
    sandbox_wheels: tuple[Path, ...] = Field(
        default=(), description="of cpython: wheels of pure Python that workflows may import; a JSON list"
    )
    sandbox_spares: int = Field(default=2, ge=1, description="of cpython: processes started before they are needed")
    sandbox_turn_seconds: float = Field(
        default=_DEFAULT.turn_seconds, gt=0, description="computing between two model calls; waiting is free"
    )
    sandbox_sample_seconds: float = Field(
        default=_DEFAULT.sample_seconds, gt=0, description="computing for one record in all"
    )
    sandbox_memory_bytes: int = Field(
        default=_DEFAULT.memory_bytes, ge=8 * 1024 * 1024, description="heap of one session"
    )
    sandbox_recursion_depth: int = Field(default=_DEFAULT.recursion_depth, ge=20, le=1_000)
    sandbox_calls_per_sample: int = Field(default=_DEFAULT.calls_per_sample, ge=1)
    sandbox_helper_calls_per_sample: int = Field(
        default=_DEFAULT.helper_calls_per_sample, ge=0, description="calls of statistics, textkit and textwrap"
    )
    sandbox_prompt_chars: int = Field(default=_DEFAULT.prompt_chars, ge=100, description="one rendered prompt")
    sandbox_output_chars: int = Field(default=_DEFAULT.output_chars, ge=100, description="one record, as JSON")
    sandbox_print_bytes: int = Field(
        default=_DEFAULT.print_bytes, ge=0, description="print() goes nowhere; this much of it is tolerated"
    )
    sandbox_session_seeds: int = Field(default=_DEFAULT.session_seeds, ge=1, description="seeds side by side")
    sandbox_sessions_lost: int = Field(
        default=_DEFAULT.sessions_lost, ge=0, description="dead sessions of a chunk before its rest is given up"
    )
    chunk_seconds: float = Field(
        default=900.0, gt=0, description="longest run of one request, models included; its deadline may be sooner"
    )

    @property
    def limits(self) -> Limits:
        """What a workflow may use."""
        return Limits(
            turn_seconds=self.sandbox_turn_seconds,
            sample_seconds=self.sandbox_sample_seconds,
            memory_bytes=self.sandbox_memory_bytes,
            recursion_depth=self.sandbox_recursion_depth,
            calls_per_sample=self.sandbox_calls_per_sample,
            helper_calls_per_sample=self.sandbox_helper_calls_per_sample,
            prompt_chars=self.sandbox_prompt_chars,
            output_chars=self.sandbox_output_chars,
            print_bytes=self.sandbox_print_bytes,
            session_seeds=self.sandbox_session_seeds,
            sessions_lost=self.sandbox_sessions_lost,
        )
