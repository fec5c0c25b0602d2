"""Messages that our own client would never send, at the door of a pod that has to stay up."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from aiohttp import web

from graftwork.models.channels import MAX_MESSAGE_BYTES
from graftwork.models.proto.v1 import solvers_pb2 as pb
from graftwork_solvers.bootstrap import Pod
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import chat_answer
from tests.support.endpoints import running_endpoint
from tests.support.pods import pod_settings
from tests.support.pods import running_pod
from tests.support.raw import bare_call
from tests.support.raw import channel_to
from tests.support.raw import generated
from tests.support.raw import message
from tests.support.raw import refused
from tests.support.raw import refused_bytes
from tests.support.relays import relay_to

Served = tuple[Pod, ScriptedEndpoint]
INVALID = (grpc.StatusCode.INVALID_ARGUMENT, "model_refused")
DEEP = "[" * 100_000 + "]" * 100_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def served() -> AsyncIterator[Served]:
    """One pod for all of them: whatever one message breaks, the next ones find."""
    async with running_endpoint() as endpoint:
        settings = pod_settings(endpoint.url, solvers_concurrency=1, solvers_first_concurrency=1)
        async with running_pod(settings) as pod:
            yield pod, endpoint


@pytest.mark.asyncio(loop_scope="module")
class TestOnePod:
    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            *(
                ({name: value}, name)
                for name in ("temperature", "top_p", "min_p", "repeat_penalty")
                for value in (math.nan, math.inf, -math.inf, -1.0)
            ),
            ({"temperature": 2.1}, "temperature"),
            ({"top_p": 0.0}, "top_p"),
            ({"min_p": 1.1}, "min_p"),
            ({"repeat_penalty": 0.0}, "repeat_penalty"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"n": 65}, "n"),
            ({"n": 2**32 - 1}, "n"),
            ({"messages": []}, "messages"),
            ({"messages": [pb.Message(content="hi")]}, "role"),
            ({"messages": [pb.Message(role=99, content="hi")]}, "role"),  # type: ignore[arg-type]
            ({"json_schema": ""}, "json_schema"),
            ({"json_schema": '{"type": '}, "json_schema"),
            ({"json_schema": "[1, 2]"}, "json_schema"),
            ({"json_schema": "null"}, "json_schema"),
            ({"json_schema": '{"minimum": NaN}'}, "json_schema"),
            ({"json_schema": DEEP}, "json_schema"),
            ({"json_schema": f'{{"a": {DEEP}}}'}, "json_schema"),
            ({"logprobs": 10_000}, "logprobs"),
        ],
        ids=lambda part: str(part)[:60],
    )
    async def test_values_that_make_no_sense_are_refused_by_name(
        self, served: Served, fields: dict[str, Any], named: str
    ) -> None:
        pod, endpoint = served
        heard = len(endpoint.bodies)

        status = await refused(pod, message(**fields))

        assert (status.code, status.reason) == INVALID
        assert named in status.words
        assert len(endpoint.bodies) == heard

    @pytest.mark.parametrize("method", ["Generate", "Embed", "Describe"])
    async def test_an_unknown_pool_is_not_found_and_the_known_ones_are_named(self, served: Served, method: str) -> None:
        kinds = {"Generate": message(pool="nobody"), "Embed": pb.EmbedRequest(pool="nobody", texts=["a"])}
        asked = kinds.get(method, pb.DescribeRequest(pool="nobody"))

        status = await refused_bytes(served[0], asked.SerializeToString(), method)

        assert (status.code, status.reason) == (grpc.StatusCode.NOT_FOUND, "unknown_pool")
        assert "no pool 'nobody' here: this pod serves evaluator, generator, optimizer" in status.words

    @pytest.mark.parametrize("name", ["x" * 100_000, "naïve\x00\r\n: 🌱", ""], ids=["long", "odd", "empty"])
    async def test_the_name_of_an_unknown_pool_may_be_anything(self, served: Served, name: str) -> None:
        status = await refused(served[0], message(pool=name))

        assert (status.code, status.reason) == (grpc.StatusCode.NOT_FOUND, "unknown_pool")

    async def test_nothing_to_embed_is_refused(self, served: Served) -> None:
        status = await refused_bytes(served[0], pb.EmbedRequest(pool="generator").SerializeToString(), "Embed")

        assert (status.code, status.reason) == INVALID

    @pytest.mark.parametrize(
        ("raw", "method", "code"),
        [
            (b"\xff" * 64, "Generate", grpc.StatusCode.INVALID_ARGUMENT),
            (b"\xff" * 64, "Embed", grpc.StatusCode.INVALID_ARGUMENT),
            (b"\xff" * 64, "Describe", grpc.StatusCode.INVALID_ARGUMENT),
            (b"\n\x02\xff\xfe", "Generate", grpc.StatusCode.INVALID_ARGUMENT),
            (b"", "Generate", grpc.StatusCode.INVALID_ARGUMENT),
            (b"", "Conquer", grpc.StatusCode.UNIMPLEMENTED),
        ],
        ids=["noise", "noise to embed", "noise to describe", "a pool that is no UTF-8", "nothing", "no such method"],
    )
    async def test_bytes_that_are_no_message_fail_alone(
        self, served: Served, raw: bytes, method: str, code: grpc.StatusCode
    ) -> None:
        status = await refused_bytes(served[0], raw, method)

        assert status.code is code

    async def test_a_message_of_100_mb_is_refused_with_the_limit(self, served: Served) -> None:
        huge = message(messages=[pb.Message(role=pb.ROLE_USER, content="x" * 100_000_000)])

        status = await refused(served[0], huge)

        assert status.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert f"larger than max (100000023 vs. {MAX_MESSAGE_BYTES})" in status.words

    async def test_a_deadline_that_has_passed_costs_no_call(self, served: Served) -> None:
        pod, endpoint = served
        heard = len(endpoint.bodies)

        async with channel_to(pod) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await bare_call(channel)(message().SerializeToString(), timeout=-1)

        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert len(endpoint.bodies) == heard

    async def test_the_pod_answers_whoever_comes_next(self, served: Served) -> None:
        answer = await generated(served[0], message())

        assert answer.choices[0].text == "hello"


class Held:
    """Chats that never end, until ``free`` is set."""

    def __init__(self) -> None:
        self.free = False

    async def chat(self, _body: dict[str, Any]) -> web.StreamResponse:
        if self.free:
            return chat_answer("next")
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_client_that_vanishes_hangs_up_at_the_endpoint_and_frees_its_place() -> None:
    held = Held()

    async with running_endpoint(held.chat) as endpoint:
        settings = pod_settings(endpoint.url, solvers_concurrency=1, solvers_first_concurrency=1)
        async with running_pod(settings) as pod, relay_to(pod.grpc_port) as relay:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{relay.port}") as channel:
                call = bare_call(channel)(message().SerializeToString())
                await endpoint.arrived.wait()
                held.free = True
                relay.cut()
                await asyncio.wait_for(endpoint.hung_up.wait(), 20)
                with pytest.raises(grpc.aio.AioRpcError):
                    await call
            after = await generated(pod, message())

    assert after.choices[0].text == "next"
