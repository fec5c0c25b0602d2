"""The context of tasks that call models: every call metered, journalled and replayed."""

import time
from typing import Any
from typing import TypeVar

from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.ids import derived_id
from graftwork.contracts.ids import digest
from graftwork.contracts.ids import stable_int
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.usage import Usage
from graftwork.kit import metrics
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import InvalidAnswer
from graftwork.kit.journal import RequestJournal
from graftwork.kit.ledger import Ledger
from graftwork.kit.tasks import ContextFactory
from graftwork.kit.tasks import Lease
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload
from graftwork.models.budget import DEFAULT_MAX_TOKENS
from graftwork.models.budget import Meter
from graftwork.models.budget import cost_of
from graftwork.models.budget import model_of
from graftwork.models.budget import token_bound
from graftwork.models.descriptions import Descriptions
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import ModelPlane
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import one_text
from graftwork.models.plane import request_hash
from graftwork.models.roles import MAX_REPAIRS
from graftwork.models.roles import RoleCall
from graftwork.models.roles import readable
from graftwork.models.roles import repair_messages

A = TypeVar("A", bound=BaseModel)
_CALL_SECONDS = 300.0


class ModelTaskContext(TaskContext):
    """Adds the model plane to a task's context."""

    def __init__(
        self,
        lease: Lease,
        payload: TaskPayload,
        *,
        ledger: Ledger,
        blobs: Blobs,
        journal: RequestJournal,
        plane: ModelPlane,
    ) -> None:
        super().__init__(lease, ledger=ledger, blobs=blobs, journal=journal)
        self._payload = payload
        self._plane = plane
        self._meter = Meter(payload.grant, lambda: journal.total)
        self._pools = Descriptions(plane)

    async def job_spec(self, ref: BlobRef) -> JobSpec:
        """Read the job as it was submitted."""
        return await self.blobs.get_model(ref, JobSpec)

    async def ask(self, call: RoleCall[A], spec: JobSpec, *, step: str = "", **variables: Any) -> A:
        """Ask a role and return its checked answer.

        An invalid answer is shown back with what was wrong, at most twice; then ``InvalidAnswer``.
        ``step`` tells apart equal calls of one task (and draws another seed).
        """
        name = derived_id(call.name, step) if step else call.name
        seed = stable_int(spec.seed, self.task_id, name, self.generation)
        question = request = call.request(spec, variables, seed=seed)
        problem = ""
        for attempt in range(1 + MAX_REPAIRS):
            generation = await self.generate(request, step=derived_id(name, attempt))
            text = one_text(generation)
            try:
                return call.accept(spec, text, variables)
            except (ValidationError, ValueError) as error:
                problem = readable(error)
                if "length" in generation.finish_reasons:
                    problem += "\n- answer: was cut off at the token limit; be shorter"
                self.log.info("answer.refused", role_call=call.name, attempt=attempt, problem=problem)
                request = repair_messages(question, text, problem)
        raise InvalidAnswer(f"{call.name}: still invalid after {MAX_REPAIRS} repairs:\n{problem}")

    async def generate(self, request: GenerateRequest, *, step: str) -> Generation:
        """Ask a pool, or replay its answer. Raises ``GrantExhausted`` and what the plane raises."""
        if request.max_tokens is None and self._meter.limits_length:
            request = request.model_copy(update={"max_tokens": DEFAULT_MAX_TOKENS})
        key = self.journal.next_key(step, request_hash(request))
        recorded = self.journal.recorded(key)
        if recorded is not None:
            metrics.MODEL_CALLS_REPLAYED.labels(request.pool).inc()
            return Generation.model_validate(recorded)
        reserved = await self._meter.reserve(await self._bound(request))
        try:
            generation = await self._timed(request)
            await self._record(key, request.pool, generation, generation.usage)
        finally:
            await self._meter.release(reserved)
        return generation

    async def embed(self, request: EmbedRequest, *, step: str) -> Embeddings:
        """Embed texts, or replay."""
        key = self.journal.next_key(step, digest(request.model_dump(mode="json")))
        recorded = self.journal.recorded(key)
        if recorded is not None:
            metrics.MODEL_CALLS_REPLAYED.labels(request.pool).inc()
            return Embeddings.model_validate(recorded)
        reserved = await self._meter.reserve(await self._embedding_bound(request))
        try:
            embeddings = await self._plane.embed(request, timeout_seconds=self._call_seconds())
            await self._record(key, request.pool, embeddings, embeddings.usage)
        finally:
            await self._meter.release(reserved)
        return embeddings

    async def _timed(self, request: GenerateRequest) -> Generation:
        started = time.perf_counter()
        try:
            generation = await self._plane.generate(request, timeout_seconds=self._call_seconds())
        except GraftworkError as error:
            metrics.MODEL_CALLS.labels(request.pool, error.code).inc()
            raise
        metrics.MODEL_CALLS.labels(request.pool, "ok").inc()
        self.log.debug(
            "model.called", pool=request.pool, role_call=request.schema_name, seconds=time.perf_counter() - started
        )
        return generation

    async def _record(self, key: str, pool: str, answer: BaseModel, usage: Usage) -> None:
        metrics.MODEL_TOKENS.labels(pool, "input").inc(usage.prompt_tokens)
        metrics.MODEL_TOKENS.labels(pool, "output").inc(usage.completion_tokens)
        metrics.MODEL_COST_USD.labels(pool).inc(usage.cost_usd or 0.0)
        await self.journal.record(
            key, pool=pool, answer=answer.model_dump(mode="json"), usage=usage, at=self.clock.now()
        )

    async def _bound(self, request: GenerateRequest) -> Usage:
        if not self._meter.limits_length:
            return token_bound(request)
        pool = await self._pools.of(request.pool)
        return self._priced(token_bound(request, pool), pool, request.model)

    async def _embedding_bound(self, request: EmbedRequest) -> Usage:
        bound = Usage(calls=1, prompt_tokens=sum(len(text.encode()) + 4 for text in request.texts))
        if not self._meter.limits_money:
            return bound
        return self._priced(bound, await self._pools.of(request.pool), request.model)

    def _priced(self, bound: Usage, pool: PoolDescription, model: str | None) -> Usage:
        if not self._meter.limits_money:
            return bound
        return bound.model_copy(update={"cost_usd": cost_of(bound, model_of(pool, model))})

    def _call_seconds(self) -> float:
        if self._payload.deadline is None:
            return _CALL_SECONDS
        left = (self._payload.deadline - self.clock.now()).total_seconds()
        return max(0.001, min(_CALL_SECONDS, left))


def model_context(plane: ModelPlane) -> ContextFactory:
    """Context factory of services that ask models."""

    def build(
        lease: Lease, payload: TaskPayload, *, ledger: Ledger, blobs: Blobs, journal: RequestJournal
    ) -> ModelTaskContext:
        return ModelTaskContext(lease, payload, ledger=ledger, blobs=blobs, journal=journal, plane=plane)

    return build
