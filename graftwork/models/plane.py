"""The port to the model plane: what can be asked of a pool, and what comes back.

Answers are kept in journals, so a field that is new has a default that rows written before read as.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Literal
from typing import Protocol

from pydantic import Field

from graftwork.contracts.base import Contract
from graftwork.contracts.ids import digest
from graftwork.contracts.jobs import Profile
from graftwork.contracts.usage import Usage

MAX_ALTERNATIVES = 20
_ADDED = ("logprobs",)


class Message(Contract):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class GenerateRequest(Contract):
    """A chat completion. None leaves the choice to the pool. ``schema_name`` names the role call.

    ``logprobs``: tell the probability of every token, and of so many alternatives to it; None: do not.
    """

    pool: str
    messages: tuple[Message, ...] = Field(min_length=1)
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    repeat_penalty: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1)
    n: int = Field(default=1, ge=1, le=64)
    seed: int | None = Field(default=None, ge=0)
    stop: tuple[str, ...] = ()
    json_schema: Mapping[str, Any] | None = None
    schema_name: str | None = None
    logprobs: int | None = Field(default=None, ge=0, le=MAX_ALTERNATIVES)


class Alternative(Contract):
    """A token that could have been written, and the natural logarithm of its probability."""

    token: str
    logprob: float


class TokenLogprob(Contract):
    """A token that was written. ``top``: the likeliest at its place, itself among them if it is that likely.

    A logprob of -9999 stands for impossible.
    """

    token: str
    logprob: float
    top: tuple[Alternative, ...] = ()


class Sampling(Contract):
    """What a model was really asked with. None was left to the endpoint."""

    temperature: float | None = None
    top_p: float | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Generation(Contract):
    """What a pool answered: ``n`` texts, their finish reasons, and what it cost.

    ``reasonings`` and ``logprobs`` hold one entry per text, or are empty where no text has any.
    What a model thought is never a part of its text.
    """

    texts: tuple[str, ...]
    finish_reasons: tuple[str, ...]
    usage: Usage
    model: str
    revision: str = Field(description="digest over model, endpoint and what in the pool's settings shapes its answers")
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    reasonings: tuple[str, ...] = ()
    logprobs: tuple[tuple[TokenLogprob, ...], ...] = ()
    sampling: Sampling = Sampling()
    prompt_sha256: str = Field(default="", description="see prompt_sha256(); empty in rows of earlier releases")


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
    revision: str = ""
    queue_seconds: float = 0.0
    run_seconds: float = 0.0


class ModelDescription(Contract):
    """One model of a pool. Prices in USD per million tokens; None: unknown."""

    name: str
    context_tokens: int | None = None
    prompt_usd_per_mtok: float | None = None
    completion_usd_per_mtok: float | None = None


class PoolDescription(Contract):
    """What a pool serves. ``writes_code`` False: do not ask it for workflows.

    ``fixed``: how the pool samples, whatever requests ask for; they bring their seed alone. None: requests choose.
    ``prompt_bytes``: length of the pool's own prompt, which is part of every call.
    """

    pool: str
    default_model: str
    models: tuple[ModelDescription, ...]
    revision: str
    profile: Profile = Profile.STANDARD
    writes_code: bool = True
    fixed: Sampling | None = None
    prompt_bytes: int = 0


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


def prompt_sha256(messages: Sequence[Message], json_schema: Mapping[str, Any] | None) -> str:
    """Hex digest that names a prompt: the messages in order, the pool's own prompt among them, and the schema.

    Its form is a promise: prompts of one release are found again in the records of another.
    """
    turns = [{"role": turn.role, "content": turn.content} for turn in messages]
    return digest({"messages": turns, "json_schema": json_schema})


def request_hash(request: GenerateRequest) -> str:
    """Hex digest under which a journal finds the answer to ``request``.

    Its form is a promise: what an earlier release paid for is replayed by a later one. So what a later
    release added counts only where it is used.
    """
    plain = request.model_dump(mode="json")
    unused = {name for name in _ADDED if plain[name] is None}
    return digest({name: value for name, value in plain.items() if name not in unused})
