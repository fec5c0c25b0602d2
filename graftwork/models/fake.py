"""A model plane without models, for tests of what asks one. It keeps every promise of the port."""

import asyncio
import hashlib
import inspect
import struct
from collections import Counter
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from pydantic import BaseModel
from pydantic_core import to_json

from graftwork.contracts.usage import Usage
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import UnknownPool
from graftwork.models.plane import Alternative
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import Sampling
from graftwork.models.plane import TokenLogprob
from graftwork.models.plane import prompt_sha256


class Thought(NamedTuple):
    """A text, and what the model thought before it wrote that."""

    reasoning: str
    text: str


FakeAnswer = str | Thought | BaseModel | Mapping[str, Any]
"""One text, or what becomes its JSON."""
Script = Callable[[GenerateRequest], FakeAnswer | Awaitable[FakeAnswer]]
"""Answers a request, or raises what the plane shall raise. Called once per wanted text."""

_DIMENSIONS = 8
_TOKEN_CHARS = 4


class FakePlane:
    """``ModelPlane`` that answers from a script: a function, or schema name -> answer.

    ``requests`` holds every generate request in order, ``calls`` counts per pool. A token is four
    characters, and certain; every call is free unless ``cost_usd`` says otherwise.
    """

    def __init__(
        self,
        script: Script | Mapping[str, FakeAnswer],
        *,
        pools: Iterable[PoolDescription] = (),
        cost_usd: float | None = 0.0,
    ) -> None:
        self._script = script if callable(script) else _by_schema_name(script)
        described = tuple(pools) or tuple(describe_fake(name) for name in ("optimizer", "evaluator", "generator"))
        self._pools = {pool.pool: pool for pool in described}
        self._cost_usd = cost_usd
        self.requests: list[GenerateRequest] = []
        self.calls: Counter[str] = Counter()

    async def generate(self, request: GenerateRequest, *, timeout_seconds: float) -> Generation:
        """Ask the script for each of the ``n`` texts."""
        pool, model = self._serving(request.pool, request.model)
        self.requests.append(request)
        self.calls[pool.pool] += 1
        thoughts, texts = zip(*await _within(timeout_seconds, self._answers(request), pool.pool), strict=True)
        prompt = sum(_tokens(turn.content) for turn in request.messages)
        return Generation(
            texts=texts,
            finish_reasons=("stop",) * len(texts),
            usage=self._usage(prompt, sum(map(_tokens, (*thoughts, *texts)))),
            model=model,
            revision=pool.revision,
            reasonings=thoughts if any(thoughts) else (),
            logprobs=_logprobs(texts, request.logprobs),
            sampling=Sampling.model_validate(request, from_attributes=True),
            prompt_sha256=prompt_sha256(request.messages, request.json_schema),
        )

    async def embed(self, request: EmbedRequest, *, timeout_seconds: float) -> Embeddings:  # noqa: ARG002 - at once
        """Vectors that depend on the texts alone."""
        pool, model = self._serving(request.pool, request.model)
        self.calls[pool.pool] += 1
        vectors = tuple(_vector(text) for text in request.texts)
        usage = self._usage(sum(map(_tokens, request.texts)), 0)
        return Embeddings(vectors=vectors, usage=usage, model=model, revision=pool.revision)

    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:  # noqa: ARG002 - at once
        """What the pool was said to serve."""
        return self._serving(pool, None)[0]

    def _serving(self, name: str, model: str | None) -> tuple[PoolDescription, str]:
        pool = self._pools.get(name)
        if pool is None:
            raise UnknownPool(f"no pool {name!r}")
        if model is not None and model not in {served.name for served in pool.models}:
            raise UnknownPool(f"pool {name!r} has no model {model!r}")
        return pool, model or pool.default_model

    async def _answers(self, request: GenerateRequest) -> list[Thought]:
        return [await self._one_answer(request) for _ in range(request.n)]

    async def _one_answer(self, request: GenerateRequest) -> Thought:
        answer = self._script(request)
        return _as_thought(await answer if inspect.isawaitable(answer) else answer)

    def _usage(self, prompt_tokens: int, completion_tokens: int) -> Usage:
        return Usage(calls=1, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, cost_usd=self._cost_usd)


def describe_fake(name: str, *models: str) -> PoolDescription:
    """A pool that serves these models (default: one called ``fake``)."""
    served = tuple(ModelDescription(name=model) for model in models or ("fake",))
    return PoolDescription(pool=name, default_model=served[0].name, models=served, revision="fake")


def _by_schema_name(answers: Mapping[str, FakeAnswer]) -> Script:
    def script(request: GenerateRequest) -> FakeAnswer:
        name = request.schema_name or ""
        if name not in answers:
            raise LookupError(f"the fake plane was given no answer for schema name {name!r}")
        return answers[name]

    return script


async def _within(seconds: float, answer: Awaitable[list[Thought]], pool: str) -> list[Thought]:
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError as error:
        raise DependencyDown(f"pool {pool!r} did not answer in time ({seconds:.3g} s)") from error


def _as_thought(answer: FakeAnswer) -> Thought:
    if isinstance(answer, Thought):
        return answer
    return Thought("", answer if isinstance(answer, str) else to_json(answer).decode())


def _tokens(text: str) -> int:
    return -(-len(text) // _TOKEN_CHARS)


def _logprobs(texts: Sequence[str], alternatives: int | None) -> tuple[tuple[TokenLogprob, ...], ...]:
    if alternatives is None or not any(texts):
        return ()
    return tuple(tuple(_certain(text, alternatives)) for text in texts)


def _certain(text: str, alternatives: int) -> Iterable[TokenLogprob]:
    for start in range(0, len(text), _TOKEN_CHARS):
        token = text[start : start + _TOKEN_CHARS]
        top = (Alternative(token=token, logprob=0.0),) if alternatives else ()
        yield TokenLogprob(token=token, logprob=0.0, top=top)


def _vector(text: str) -> tuple[float, ...]:
    """Eight numbers in [-1, 1] that single precision holds exactly, as the wire does."""
    raw: Sequence[int] = struct.unpack(f"<{_DIMENSIONS}h", hashlib.sha256(text.encode()).digest()[: 2 * _DIMENSIONS])
    return tuple(number / 32768 for number in raw)
