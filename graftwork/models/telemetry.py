"""Spans and metrics of model calls, under the names of OpenTelemetry's conventions for generative AI (``gen_ai.*``).

What was said to a model and what it answered is never in them, nor are the words of errors, which may quote either.
"""

import time
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextlib import contextmanager
from contextlib import nullcontext
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import metrics
from opentelemetry import trace

from graftwork.contracts.usage import Usage
from graftwork.kit.spans import Spans
from graftwork.kit.spans import at_hand
from graftwork.kit.spans import error_type
from graftwork.kit.spans import fail
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation

Attributes = dict[str, Any]

_SCOPE = "graftwork.models"
_PORTS = {"http": 80, "https": 443}
# As the conventions have them.
_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
_TOKENS = [float(4**power) for power in range(14)]


class CallObserved:
    """A call under way. Tell it the answer; what it raises, it tells itself."""

    def __init__(self, span: trace.Span, common: Attributes, tokens: metrics.Histogram | None) -> None:
        self._span = span
        self._common = common
        self._tokens = tokens

    def generated(self, generation: Generation) -> None:
        """Take note of the texts, without reading them."""
        self._span.set_attribute("gen_ai.response.finish_reasons", generation.finish_reasons)
        self._span.set_attribute("gen_ai.usage.output_tokens", generation.usage.completion_tokens)
        self._answered(generation.model, generation.usage, output=generation.usage.completion_tokens)

    def embedded(self, embeddings: Embeddings) -> None:
        """Take note of the vectors."""
        self._answered(embeddings.model, embeddings.usage, output=0)

    def _answered(self, model: str, usage: Usage, *, output: int) -> None:
        self._common["gen_ai.response.model"] = model
        self._span.set_attribute("gen_ai.response.model", model)
        self._span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
        if self._tokens is not None:
            for kind, count in (("input", usage.prompt_tokens), ("output", output)):
                self._tokens.record(count, {**self._common, "gen_ai.token.type": kind})


class ModelTelemetry:
    """Observes calls to one ``provider``, where the process exports anything; else it costs next to nothing.

    A span belongs to the trace of the work at hand, and what is done inside belongs to the span. ``counts_tokens``:
    of the many that see a call pass, one counts its tokens. Make it after ``telemetry`` has set up the exporters.
    """

    def __init__(
        self,
        provider: str,
        *,
        counts_tokens: bool,
        tracers: trace.TracerProvider | None = None,
        meters: metrics.MeterProvider | None = None,
    ) -> None:
        self._provider = provider
        self.spans = Spans(tracers)
        meter = metrics.get_meter(_SCOPE, meter_provider=meters)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._counts_tokens = counts_tokens
        self._exports = (tracers, meters) != (None, None) or _exports()

    def chat(
        self, request: GenerateRequest, *, model: str | None, server: str
    ) -> AbstractContextManager["CallObserved | None"]:
        """Observe a chat completion. ``server``: URL or gRPC target of who is asked; ``model``: None: its default."""
        if not self._exports:
            return nullcontext()
        return self._observed("chat", request.pool, model, server, chat_attributes(request))

    def embeddings(
        self, request: EmbedRequest, *, model: str | None, server: str
    ) -> AbstractContextManager["CallObserved | None"]:
        """Observe a call for vectors."""
        if not self._exports:
            return nullcontext()
        return self._observed("embeddings", request.pool, model, server, {})

    @contextmanager
    def _observed(
        self, operation: str, pool: str, model: str | None, server: str, more: Attributes
    ) -> Iterator[CallObserved]:
        common = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": self._provider,
            "graftwork.pool": pool,
            **({"gen_ai.request.model": model} if model else {}),
            **server_attributes(server),
        }
        name = f"{operation} {model}" if model else operation
        span = self.spans.start(name, trace.SpanKind.CLIENT, {**common, **more})
        started = time.perf_counter()
        try:
            with at_hand(span):
                yield CallObserved(span, common, self._tokens if self._counts_tokens else None)
        except BaseException as error:
            common["error.type"] = error_type(error)
            fail(span, error)
            raise
        finally:
            self._duration.record(time.perf_counter() - started, common)
            span.end()


def chat_attributes(request: GenerateRequest) -> Attributes:
    """What a request asks for, but for its words. Choices that it leaves open are left out."""
    asked = {
        "gen_ai.request.temperature": request.temperature,
        "gen_ai.request.top_p": request.top_p,
        "gen_ai.request.max_tokens": request.max_tokens,
        "gen_ai.request.seed": request.seed,
        "gen_ai.request.choice.count": None if request.n == 1 else request.n,
        "gen_ai.output.type": None if request.json_schema is None else "json",
    }
    return {name: value for name, value in asked.items() if value is not None}


@lru_cache(maxsize=256)
def server_attributes(server: str) -> Mapping[str, str | int]:
    """Host and port of a URL or of a gRPC target; what has neither is told as it is."""
    target = server if server.startswith("http") else "//" + server.removeprefix("ipv4:").removeprefix("dns:///")
    try:
        place = urlsplit(target)
        host, port = place.hostname, place.port or _PORTS.get(place.scheme)
    except ValueError:
        host = None
    if host is None or "," in server or server.startswith("unix"):
        return {"server.address": server}
    return {"server.address": host} if port is None else {"server.address": host, "server.port": port}


def _exports() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
