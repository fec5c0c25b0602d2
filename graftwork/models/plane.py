"""The port to the model plane: what can be asked of a pool, and what comes back."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Literal
from typing import Protocol

from pydantic import Field

from graftwork.contracts.base import Contract
from graftwork.contracts.jobs import Profile
from graftwork.contracts.usage import Usage


class Message(Contract):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class GenerateRequest(Contract):
    """A chat completion. None leaves the choice to the pool. ``schema_name`` names the role call."""

    pool: str
    messages: tuple[Message, ...] = Field(min_length=1)
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    repeat_penalty: float | None = Field(default=None, gt=0)
    max_tokens: int | None = Field(default=None, ge=1)
    n: int = Field(default=1, ge=1, le=64)
    seed: int | None = Field(default=None, ge=0)
    stop: tuple[str, ...] = ()
    json_schema: Mapping[str, Any] | None = None
    schema_name: str | None = None


class Generation(Contract):
    """What a pool answered: ``n`` texts, their finish reasons, and what it cost."""

    texts: tuple[str, ...]
    finish_reasons: tuple[str, ...]
    usage: Usage
    model: str
    revision: str = Field(description="digest over model, endpoint and fixed sampling of the pool")
    queue_seconds: float = 0.0
    run_seconds: float = 0.0


class EmbedRequest(Contract):
    """Embed texts, in order."""

    pool: str
    texts: tuple[str, ...] = Field(min_length=1)
    model: str | None = None


class Embeddings(Contract):
    """One vector per text, all of one length."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    model: str


class ModelDescription(Contract):
    """One model of a pool. Prices in USD per million tokens; None: unknown."""

    name: str
    context_tokens: int | None = None
    prompt_usd_per_mtok: float | None = None
    completion_usd_per_mtok: float | None = None


class PoolDescription(Contract):
    """What a pool serves. ``writes_code`` False: do not ask it for workflows."""

    pool: str
    default_model: str
    models: tuple[ModelDescription, ...]
    revision: str
    profile: Profile = Profile.STANDARD
    writes_code: bool = True


class ModelPlane(Protocol):
    """Asks pools. Safe for concurrent use; every call has a deadline.

    Raises ``Overloaded`` or ``DependencyDown`` (retryable, after its own retries within the
    deadline), ``UnknownPool`` or ``ModelRefused`` (permanent).
    """

    async def generate(self, request: GenerateRequest, *, timeout_seconds: float) -> Generation:
        """Chat completion."""
        ...

    async def embed(self, request: EmbedRequest, *, timeout_seconds: float) -> Embeddings:
        """Embed texts; the vectors keep the order."""
        ...

    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        """What the pool serves."""
        ...


def one_text(generation: Generation) -> str:
    """The only text of a generation with n = 1."""
    texts: Sequence[str] = generation.texts
    return texts[0] if texts else ""
