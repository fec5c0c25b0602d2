"""One trace from who asks through the pod to the endpoint, and no secret in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import grpc.aio
import pytest
from aiohttp import web

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.tracing import traced
from graftwork.models.channels import server_options
from graftwork.models.client import SolverClient
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.endpoint import open_endpoint
from graftwork_solvers.gate import Gate
from graftwork_solvers.limit import Limit
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
POOLS = {"weak": {"model": "tiny", "sampling": {"temperature": 0.5}}}
ASKED = GenerateRequest(pool="weak", messages=(Message(role="user", content="a secret prompt"),), seed=3, n=2)


@dataclass
class Stage:
    """A client and a pod, each with what it would export, and the endpoint behind them."""

    client: SolverClient
    endpoint: ScriptedEndpoint
    callers: Recorded
    pods: Recorded = field(default_factory=Recorded)


@asynccontextmanager
async def on_stage() -> AsyncIterator[Stage]:
    callers, pods = Recorded(), Recorded()
    async with running_endpoint() as scripted:
        settings = pod_settings(scripted.url, solvers_pools=POOLS, api_key=KEY)
        endpoint = open_endpoint(settings)
        solver = Solver(
            Pools(settings.pools, endpoint),
            endpoint,
            Gate(Limit(4, 64), settings.solvers_queue_length, retry_seconds=1),
            telemetry=pods.telemetry("openai", counts_tokens=True),
        )
        server = grpc.aio.server(options=server_options(connection_age_seconds=60, connection_grace_seconds=60))
        solvers_pb2_grpc.add_SolversServicer_to_server(SolversServicer(solver, longest_call_seconds=60), server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        telemetry = callers.telemetry("graftwork", counts_tokens=False)
        try:
            async with client_at(address, telemetry=telemetry) as client:
                yield Stage(client, scripted, callers, pods)
        finally:
            await server.stop(grace=None)
            await endpoint.close()


async def two_texts(_body: dict[str, Any]) -> web.Response:
    return chat_answer("a secret text", "another")


async def test_the_spans_of_caller_and_pod_and_the_endpoint_s_header_are_one_trace() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        with traced(TRACE):
            await stage.client.generate(ASKED, timeout_seconds=10)

    caller, pod = stage.callers.span, stage.pods.span
    assert parent_of(caller) == TRACE
    assert parent_of(pod) == traceparent_of(caller)
    assert [headers["traceparent"] for headers in stage.endpoint.headers] == [traceparent_of(pod)]


async def test_embeddings_are_in_the_trace_too() -> None:
    async with on_stage() as stage:
        with traced(TRACE):
            await stage.client.embed(EmbedRequest(pool="weak", texts=("a secret text",)), timeout_seconds=10)

    assert stage.callers.span.name == "embeddings"
    assert stage.pods.span.name == "embeddings tiny"
    assert parent_of(stage.pods.span) == traceparent_of(stage.callers.span)


async def test_the_pod_tells_what_it_really_asked_and_of_whom() -> None:
    async with on_stage() as stage:
        stage.endpoint.chat = two_texts
        await stage.client.generate(ASKED, timeout_seconds=10)

    told = attributes(stage.pods.span)
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

    assert [attributes(side.span)["error.type"] for side in (stage.callers, stage.pods)] == ["model_refused"] * 2


async def test_tries_are_spans_of_the_pod_in_one_span_of_the_caller() -> None:
    answers = iter((500, 200))

    async def fails_once(_body: dict[str, Any]) -> web.Response:
        return two_texts_or_error(next(answers))

    async with on_stage() as stage:
        stage.endpoint.chat = fails_once
        await stage.client.generate(ASKED, timeout_seconds=10)

    assert "error.type" not in attributes(stage.callers.span)
    assert [attributes(span).get("error.type") for span in stage.pods.spans] == ["dependency_down", None]
    assert {parent_of(span) for span in stage.pods.spans} == {traceparent_of(stage.callers.span)}


def two_texts_or_error(status: int) -> web.Response:
    return chat_answer("a secret text", "another") if status == 200 else error_answer(status, "a secret error")


async def test_a_call_that_is_never_sent_leaves_no_span_in_the_pod() -> None:
    async with on_stage() as stage:
        with pytest.raises(DependencyDown):
            await stage.client.generate(ASKED, timeout_seconds=0)

    assert attributes(stage.callers.span)["error.type"] == "dependency_down"
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

    assert parent_of(stage.callers.span) is None
