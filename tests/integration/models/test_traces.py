"""One trace from who asks through the pod to the endpoint, and no secret in it."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from typing import Any

import grpc.aio
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.tracing import traced
from graftwork.models.channels import server_options
from graftwork.models.client import SolverClient
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.admission.gate import Gate
from graftwork_solvers.admission.limit import Limit
from graftwork_solvers.endpoint.client import open_endpoint
from graftwork_solvers.pools import Pools
from graftwork_solvers.servicer import SolversServicer
from graftwork_solvers.solver import Solver
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.pods import client_at
from tests.support.pods import pod_settings
from tests.support.spans import Recorded
from tests.support.spans import attributes
from tests.support.spans import parent_of
from tests.support.spans import traceparent_of

KEY = "sk-very-secret-0123456789"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GENERATE, EMBED = "graftwork.v1.Solvers/Generate", "graftwork.v1.Solvers/Embed"
POOLS = {"weak": {"model": "tiny", "sampling": {"temperature": 0.5}}}
ASKED = GenerateRequest(pool="weak", messages=(Message(role="user", content="a secret prompt"),), seed=3, n=2)


@dataclass
class Stage:
    """A client and a pod, each with what it would export, and the endpoint behind them."""

    client: SolverClient
    endpoint: ScriptedEndpoint
    look: Callable[[], Awaitable[object]]
    callers: Recorded
    pods: Recorded = field(default_factory=Recorded)


@asynccontextmanager
async def on_stage() -> AsyncIterator[Stage]:
    callers, pods = Recorded(), Recorded()
    async with running_endpoint() as scripted:
        settings = pod_settings(scripted.url, solvers_pools=POOLS, api_key=KEY)
        endpoint = open_endpoint(settings, pods.here)
        solver = Solver(
            Pools(settings.pools, endpoint),
            endpoint,
            Gate(Limit(4, 64), settings.solvers_queue_length, retry_seconds=1),
            telemetry=pods.telemetry("openai", counts_tokens=True),
        )
        server = grpc.aio.server(options=server_options(connection_age_seconds=60, connection_grace_seconds=60))
        servicer = SolversServicer(solver, longest_call_seconds=60, spans=pods.here)
        solvers_pb2_grpc.add_SolversServicer_to_server(servicer, server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        telemetry = callers.telemetry("graftwork", counts_tokens=False)
        try:
            async with client_at(address, telemetry=telemetry) as client:
                yield Stage(client, scripted, partial(endpoint.chat, {}, wanted=2), callers, pods)
        finally:
            await server.stop(grace=None)
            await endpoint.close()


def error_of(span: ReadableSpan) -> str | None:
    error: str | None = attributes(span).get("error.type")
    return error


async def two_texts(_body: dict[str, Any]) -> web.Response:
    return chat_answer("a secret text", "another")


async def test_the_spans_of_caller_and_pod_and_the_endpoint_s_header_are_one_trace() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        with traced(TRACE):
            await stage.client.generate(ASKED, timeout_seconds=10)

    chain = [
        *stage.callers.named("chat", GENERATE),
        *stage.pods.named(GENERATE, "chat tiny", "POST /chat/completions"),
    ]
    assert [(span.name, span.kind) for span in chain] == [
        ("chat", SpanKind.CLIENT),
        (GENERATE, SpanKind.CLIENT),
        (GENERATE, SpanKind.SERVER),
        ("chat tiny", SpanKind.CLIENT),
        ("POST /chat/completions", SpanKind.CLIENT),
    ]
    assert [parent_of(span) for span in chain] == [TRACE, *map(traceparent_of, chain[:-1])]
    assert [headers["traceparent"] for headers in stage.endpoint.headers] == [traceparent_of(chain[-1])]


async def test_embeddings_are_in_the_trace_too() -> None:
    async with on_stage() as stage:
        with traced(TRACE):
            await stage.client.embed(EmbedRequest(pool="weak", texts=("a secret text",)), timeout_seconds=10)

    assert [span.name for span in stage.callers.spans] == [EMBED, "embeddings"]
    assert [span.name for span in stage.pods.spans] == ["POST /embeddings", "embeddings tiny", EMBED]
    assert {traceparent_of(span).split("-")[1] for span in stage.pods.spans} == {TRACE.split("-")[1]}


async def test_transports_tell_whom_they_ask_and_how_it_ended() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        await stage.client.generate(ASKED, timeout_seconds=10)

    [called], [answered] = stage.callers.named(GENERATE), stage.pods.named(GENERATE)
    [exchanged] = stage.pods.named("POST /chat/completions")
    port = int(stage.endpoint.url.rpartition(":")[2].partition("/")[0])
    ended_well = {"rpc.system.name": "grpc", "rpc.method": GENERATE, "rpc.response.status_code": "OK"}
    assert attributes(answered) == ended_well
    assert attributes(called) == {
        **ended_well,
        "server.address": "127.0.0.1",
        "server.port": attributes(called)["server.port"],
    }
    assert attributes(exchanged) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.full": f"{stage.endpoint.url}/chat/completions",
        "url.template": "/chat/completions",
        "server.address": "127.0.0.1",
        "server.port": port,
    }


async def test_the_pod_tells_what_it_really_asked_and_of_whom() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        await stage.client.generate(ASKED, timeout_seconds=10)

    told = attributes(stage.pods.named("chat tiny")[0])
    port = int(stage.endpoint.url.rpartition(":")[2].partition("/")[0])
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "tiny",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 3,
        "gen_ai.request.choice.count": 2,
        "gen_ai.response.model": "tiny-1",
        "gen_ai.response.finish_reasons": ("stop", "stop"),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 4,
        "graftwork.pool": "weak",
        "server.address": "127.0.0.1",
        "server.port": port,
    }


async def test_tokens_are_counted_once_on_the_way_and_both_sides_are_timed() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        await stage.client.generate(ASKED, timeout_seconds=10)

        timed = [side.points("gen_ai.client.operation.duration") for side in (stage.callers, stage.pods)]
        counted = [side.points("gen_ai.client.token.usage") for side in (stage.callers, stage.pods)]

    assert [[point.count for point in points] for points in timed] == [[1], [1]]
    assert [[point.sum for point in points] for points in counted] == [[], [7, 4]]


async def test_a_refused_call_is_told_by_its_kind_on_both_sides() -> None:
    async def refuses(_body: dict[str, Any]) -> web.Response:
        return error_answer(400, f"no secret prompt with {KEY}")

    async with on_stage() as stage:
        stage.endpoint.chat = refuses
        with pytest.raises(ModelRefused):
            await stage.client.generate(ASKED, timeout_seconds=10)

    assert [error_of(span) for span in stage.callers.named("chat", GENERATE)] == ["model_refused", "INVALID_ARGUMENT"]
    asked = stage.pods.named(GENERATE, "chat tiny", "POST /chat/completions")
    assert [error_of(span) for span in asked] == ["INVALID_ARGUMENT", "model_refused", "400"]
    assert {span.status.status_code for span in (*stage.callers.spans, *asked)} == {StatusCode.ERROR}


async def test_tries_lie_side_by_side_in_the_call_and_each_has_its_own_span_in_the_pod() -> None:
    answers = iter((500, 200))

    async def fails_once(_body: dict[str, Any]) -> web.Response:
        return two_texts_or_error(next(answers))

    async with on_stage() as stage:
        stage.endpoint.chat = fails_once
        await stage.client.generate(ASKED, timeout_seconds=10)

    [call], tries = stage.callers.named("chat"), stage.callers.named(GENERATE)
    assert [error_of(span) for span in (call, *tries)] == [None, "UNAVAILABLE", None]
    assert [parent_of(span) for span in tries] == [traceparent_of(call)] * 2
    assert [error_of(span) for span in stage.pods.named(GENERATE)] == ["UNAVAILABLE", None]
    assert [parent_of(span) for span in stage.pods.named(GENERATE)] == [traceparent_of(span) for span in tries]


def two_texts_or_error(status: int) -> web.Response:
    return chat_answer("a secret text", "another") if status == 200 else error_answer(status, "a secret error")


async def test_a_call_that_is_never_sent_leaves_no_span_in_the_pod() -> None:
    async with on_stage() as stage:
        with pytest.raises(DependencyDown):
            await stage.client.generate(ASKED, timeout_seconds=0)

    assert [(span.name, error_of(span)) for span in stage.callers.spans] == [("chat", "dependency_down")]
    assert stage.pods.spans == ()


@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_neither_key_nor_prompt_nor_text_is_anywhere_in_what_is_exported(status: int) -> None:
    async def echoes(_body: dict[str, Any]) -> web.Response:
        if status == 200:
            return chat_answer("a secret text", f"your key is {KEY}")
        return error_answer(status, f"a secret error about {KEY}", param="a secret")

    async with on_stage() as stage:
        stage.endpoint.chat = echoes
        try:
            await stage.client.generate(ASKED, timeout_seconds=5)
        except (ModelRefused, DependencyDown):
            assert status != 200

    assert stage.endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    for exported in (stage.callers.everything, stage.pods.everything):
        assert "gen_ai.operation.name" in exported
        assert "secret" not in exported


async def test_a_stranger_s_word_for_a_trace_goes_no_further() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        with traced("not a trace"):
            await stage.client.generate(ASKED, timeout_seconds=10)

    [call] = stage.callers.named("chat")
    assert parent_of(call) is None


async def test_what_belongs_to_no_trace_begins_none_at_the_endpoint() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        await stage.look()

    assert stage.pods.spans == ()
    assert ["traceparent" in headers for headers in stage.endpoint.headers] == [False]
