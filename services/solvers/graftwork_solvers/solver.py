"""The model plane itself, as one pod sees it: the port, in front of one endpoint."""

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager

from graftwork.contracts.usage import Usage
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import UnknownPool
from graftwork.models.patience import Deadline
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import prompt_sha256
from graftwork.models.telemetry import ModelTelemetry
from graftwork_solvers import metrics
from graftwork_solvers.accounts import Accounts
from graftwork_solvers.answers import ChatAnswer
from graftwork_solvers.asking import ask_in_dialect
from graftwork_solvers.chat import as_pool_has_it
from graftwork_solvers.chat import sampling_of
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.gate import Gate
from graftwork_solvers.pools import Pools
from graftwork_solvers.pools import Serving
from graftwork_solvers.providers import provider_of


class Solver:
    """``ModelPlane`` without retries: it tells its caller what happened, and the caller decides."""

    def __init__(
        self,
        pools: Pools,
        endpoint: Endpoint,
        gate: Gate,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        telemetry: ModelTelemetry | None = None,
    ) -> None:
        self._pools = pools
        self._endpoint = endpoint
        self._gate = gate
        self._accounts = Accounts()
        self._monotonic = monotonic
        self._telemetry = telemetry or ModelTelemetry(provider_of(endpoint.url), counts_tokens=True)

    async def generate(self, request: GenerateRequest, *, timeout_seconds: float) -> Generation:
        """Chat completion."""
        async with self._watched("generate", request.pool, timeout_seconds) as deadline:
            serving = await self._pools.serving(request.pool, request.model)
            request = as_pool_has_it(request, serving.settings)
            async with self._gate.place() as place:
                _still_in_time(deadline)
                with self._telemetry.chat(request, model=serving.model, server=self._endpoint.url) as observed:
                    generation = await self._generate(request, serving, place.queue_seconds)
                    if observed is not None:
                        observed.generated(generation)
                tokens_each = generation.usage.completion_tokens // request.n
                self._gate.took(place, serving.model, generation.run_seconds, tokens_each)
        _observe("generate", serving.pool, generation)
        return generation

    async def _generate(self, request: GenerateRequest, serving: Serving, queue_seconds: float) -> Generation:
        started = self._monotonic()
        answer, usage = await self._enough_texts(request, serving)
        return Generation(
            texts=answer.texts,
            finish_reasons=answer.finish_reasons,
            usage=usage,
            model=answer.model or serving.model,
            revision=serving.revision,
            queue_seconds=queue_seconds,
            run_seconds=self._monotonic() - started,
            reasonings=answer.reasonings if any(answer.reasonings) else (),
            logprobs=answer.logprobs if request.logprobs is not None and any(answer.logprobs) else (),
            sampling=sampling_of(request, omit=serving.dialect.omit),
            prompt_sha256=prompt_sha256(request.messages, request.json_schema),
        )

    async def embed(self, request: EmbedRequest, *, timeout_seconds: float) -> Embeddings:
        """Embed texts; the vectors keep the order."""
        async with self._watched("embed", request.pool, timeout_seconds) as deadline:
            serving = await self._pools.serving(request.pool, request.model)
            async with self._gate.place() as place:
                _still_in_time(deadline)
                with self._telemetry.embeddings(request, model=serving.model, server=self._endpoint.url) as observed:
                    embeddings = await self._embed(request, serving, place.queue_seconds)
                    if observed is not None:
                        observed.embedded(embeddings)
        _observe("embed", serving.pool, embeddings)
        return embeddings

    async def _embed(self, request: EmbedRequest, serving: Serving, queue_seconds: float) -> Embeddings:
        started = self._monotonic()
        answer = await self._endpoint.embed(serving.model, request.texts)
        return Embeddings(
            vectors=answer.vectors,
            usage=self._accounts.of_embeddings(request, answer, serving.description),
            model=answer.model or serving.model,
            revision=serving.revision,
            queue_seconds=queue_seconds,
            run_seconds=self._monotonic() - started,
        )

    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        """What the pool serves."""
        async with self._watched("describe", pool, timeout_seconds):
            return await self._pools.describe(pool)

    async def _enough_texts(self, request: GenerateRequest, serving: Serving) -> tuple[ChatAnswer, Usage]:
        """All ``n`` texts, asking again for what an endpoint that ignores ``n`` left out."""
        answer = await ask_in_dialect(self._endpoint, request, serving)
        usage = self._accounts.of_chat(request, answer, serving.description)
        missing = request.n - len(answer.texts)
        if not missing:
            return answer, usage
        seed = None if request.seed is None else request.seed + len(answer.texts)
        rest = request.model_copy(update={"n": missing, "seed": seed})
        more, also_used = await self._enough_texts(rest, serving)
        # One call of the plane stays one call, whatever it took.
        return answer.joined(more), (usage + also_used).model_copy(update={"calls": 1})

    @asynccontextmanager
    async def _watched(self, call: str, pool: str, timeout_seconds: float) -> AsyncIterator[Deadline]:
        """Keep the deadline and count the outcome."""
        deadline = Deadline(pool, timeout_seconds, self._monotonic)
        try:
            async with asyncio.timeout(timeout_seconds):
                yield deadline
        except TimeoutError as error:
            metrics.CALLS.labels(pool, call, "deadline").inc()
            raise deadline.passed() from error
        except UnknownPool:
            # Its name is the caller's invention: as a label it would let callers grow the metrics.
            metrics.CALLS.labels("unknown", call, UnknownPool.code).inc()
            raise
        except GraftworkError as error:
            metrics.CALLS.labels(pool, call, error.code).inc()
            raise
        metrics.CALLS.labels(pool, call, "ok").inc()


def _still_in_time(deadline: Deadline) -> None:
    """A timeout strikes at the next wait, and that would be with the request on its way."""
    if deadline.remaining() <= 0:
        raise TimeoutError


def _observe(call: str, pool: str, answer: Generation | Embeddings) -> None:
    metrics.QUEUE_SECONDS.observe(answer.queue_seconds)
    metrics.RUN_SECONDS.labels(pool, call).observe(answer.run_seconds)
    metrics.TOKENS.labels(pool, "prompt").inc(answer.usage.prompt_tokens)
    metrics.TOKENS.labels(pool, "completion").inc(answer.usage.completion_tokens)
