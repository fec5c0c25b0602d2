"""The port to whatever runs workflow code: what goes in, what comes out, and what may be spent on it.

Every seed ends with exactly one ``Outcome``. What crosses the wall is text and numbers: a record comes
out as the JSON text that the code produced, to be judged outside (``checks``).
"""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Protocol

from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import Workflow

FROZEN_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
"""What time it is for workflows, always."""


@dataclass(frozen=True)
class Limits:
    """What a workflow may use.

    ``turn_seconds``: computing between two model calls; waiting for models is free. ``sample_seconds``:
    computing for one seed in all. ``memory_bytes``: of one session. ``helper_calls_per_sample``: calls of the
    modules that we hand in, pooled over the seeds of a session. ``sessions_lost``: how many sessions of one
    chunk may die before the rest is given up.
    """

    turn_seconds: float = 2.0
    sample_seconds: float = 5.0
    memory_bytes: int = 128 * 1024 * 1024
    recursion_depth: int = 200
    calls_per_sample: int = 32
    helper_calls_per_sample: int = 200
    prompt_chars: int = 64_000
    output_chars: int = 200_000
    print_bytes: int = 1024 * 1024
    session_seeds: int = 50
    sessions_lost: int = 8

    def messages(self, seeds: int) -> int:
        """How often a session over so many seeds may speak; a call costs two or three messages, the rest only spins."""
        return 100 + seeds * (20 + 3 * self.calls_per_sample + self.helper_calls_per_sample)


@dataclass(frozen=True)
class SeedInput:
    """One seed and its place in the job's walk."""

    index: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Chunk:
    """One workflow and the seeds to run it over. ``entropy`` is the source of its random choices."""

    workflow: Workflow
    seeds: Sequence[SeedInput]
    entropy: str
    seconds: float


@dataclass(frozen=True)
class ModelCall:
    """A rendered prompt on its way to the model.

    ``occurrence`` tells apart equal calls of one seed: 0 for the first. It does not depend on the order
    in which answers arrive.
    """

    seed_index: int
    prompt: str
    text: str
    occurrence: int
    wants_json: bool


AskModel = Callable[[ModelCall], Awaitable[str]]
"""Answers a call with the model's text.

``ModelRefused`` is told to the code, ``GrantExhausted`` ends the seed; any other error ends the chunk.
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one seed: the record as JSON text, or a reason and readable detail.

    ``said``: the model's answers to it.
    """

    index: int
    record: str | None = None
    reason: FailureReason | None = None
    detail: str = ""
    calls: int = 0
    said: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ChunkResult:
    """One outcome per seed, in the order of the seeds. ``trace``: the first failure with its lines of code."""

    outcomes: tuple[Outcome, ...]
    trace: str | None = None


class Runtime(Protocol):
    """Runs workflow code where it can do nothing but answer. Safe for concurrent use once started."""

    @property
    def walls(self) -> tuple[str, ...]:
        """Names of the walls around the code, innermost first."""
        ...

    async def start(self) -> None:
        """Be ready to run, or leave no process behind. Raises ``SandboxDown``."""
        ...

    async def close(self) -> None:
        """Leave no process behind."""
        ...

    async def ping(self) -> None:
        """Prove that it could run something; being busy is proof. Raises ``SandboxDown``."""
        ...

    async def run(self, chunk: Chunk, ask: AskModel) -> ChunkResult:
        """Run the workflow for every seed of the chunk, side by side.

        Raises what ``ask`` raises, but for the errors that belong to a seed, once the calls in flight
        are through; and ``SandboxDown``.
        """
        ...
