"""What a call leaves behind for OpenTelemetry, and what it does not."""

import asyncio

import pytest
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from graftwork.contracts.usage import Usage
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.tracing import traced
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.telemetry import ModelTelemetry
from graftwork.models.telemetry import server_attributes
from tests.support.spans import Recorded
from tests.support.spans import attributes
from tests.support.spans import parent_of
from tests.support.spans import traceparent_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SERVER = "https://api.openai.com/v1"
PROMPT = "the secret of the prompt"
BARE = GenerateRequest(pool="weak", messages=(Message(role="user", content=PROMPT),))
FULL = BARE.model_copy(
    update={
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "seed": 3,
        "n": 2,
        "stop": ("the secret of the stop",),
        "json_schema": {"title": "the secret of the schema"},
    }
)
ANSWER = Generation(
    texts=("the secret of the text", ""),
    finish_reasons=("stop", "length"),
    usage=Usage(calls=1, prompt_tokens=12, completion_tokens=34),
    model="tiny-1",
    revision="r",
    reasonings=("the secret of the thought", ""),
)
OF_THE_CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "tiny",
    "graftwork.pool": "weak",
    "server.address": "api.openai.com",
    "server.port": 443,
}


def chat(recorded: Recorded, request: GenerateRequest = BARE, *, counts_tokens: bool = True) -> None:
    telemetry = recorded.telemetry("openai", counts_tokens=counts_tokens)
    with telemetry.chat(request, model="tiny", server=SERVER) as observed:
        assert observed is not None
        observed.generated(ANSWER)


def failed(recorded: Recorded, error: BaseException) -> None:
    telemetry = recorded.telemetry("openai", counts_tokens=True)
    with pytest.raises(type(error)), telemetry.chat(BARE, model="tiny", server=SERVER):
        raise error


def test_a_chat_is_a_client_span_that_names_the_operation_and_the_model() -> None:
    recorded = Recorded()

    chat(recorded)

    assert (recorded.span.name, recorded.span.kind, recorded.span.status.status_code) == (
        "chat tiny",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )


def test_a_span_tells_what_was_asked_and_what_came_back_in_the_words_of_the_conventions() -> None:
    recorded = Recorded()

    chat(recorded, FULL)

    assert attributes(recorded.span) == {
        **OF_THE_CALL,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.seed": 3,
        "gen_ai.request.choice.count": 2,
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "tiny-1",
        "gen_ai.response.finish_reasons": ("stop", "length"),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 34,
    }


def test_a_span_leaves_out_what_a_request_leaves_open() -> None:
    recorded = Recorded()

    chat(recorded)

    asked = {name for name in attributes(recorded.span) if name.startswith("gen_ai.request.")}
    assert asked == {"gen_ai.request.model"}


def test_no_word_of_a_prompt_or_an_answer_is_recorded() -> None:
    recorded = Recorded()

    chat(recorded, FULL)

    assert "chat tiny" in recorded.everything
    assert "secret" not in recorded.everything


def test_embeddings_have_a_span_of_their_own() -> None:
    recorded = Recorded()
    telemetry = recorded.telemetry("openai", counts_tokens=True)
    answer = Embeddings(vectors=((1.0,),), usage=Usage(calls=1, prompt_tokens=5), model="tiny-1")

    with telemetry.embeddings(EmbedRequest(pool="weak", texts=(PROMPT,)), model="tiny", server=SERVER) as observed:
        assert observed is not None
        observed.embedded(answer)

    assert recorded.span.name == "embeddings tiny"
    assert attributes(recorded.span) == {
        **OF_THE_CALL,
        "gen_ai.operation.name": "embeddings",
        "gen_ai.response.model": "tiny-1",
        "gen_ai.usage.input_tokens": 5,
    }
    assert "secret" not in recorded.everything


def test_a_call_to_a_pool_s_default_model_is_named_after_the_operation_alone() -> None:
    recorded = Recorded()

    with recorded.telemetry("graftwork", counts_tokens=False).chat(BARE, model=None, server="solvers:50051"):
        pass

    assert recorded.span.name == "chat"
    assert "gen_ai.request.model" not in attributes(recorded.span)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ModelRefused("the secret of the error"), "model_refused"),
        (Overloaded("full"), "overloaded"),
        (asyncio.CancelledError(), "cancelled"),
        (ZeroDivisionError("the secret of the error"), "ZeroDivisionError"),
    ],
)
def test_an_error_is_told_by_its_kind_and_not_by_its_words(error: BaseException, kind: str) -> None:
    recorded = Recorded()

    failed(recorded, error)

    assert recorded.span.status.status_code is StatusCode.ERROR
    assert attributes(recorded.span) == {**OF_THE_CALL, "error.type": kind}
    assert recorded.span.events == ()
    assert "secret" not in recorded.everything


def test_a_span_belongs_to_the_trace_of_the_work_and_what_is_done_inside_to_the_span() -> None:
    recorded = Recorded()
    telemetry = recorded.telemetry("openai", counts_tokens=True)

    with traced(TRACE):
        with telemetry.chat(BARE, model="tiny", server=SERVER):
            inside = inherited_traceparent()
        after = inherited_traceparent()

    assert parent_of(recorded.span) == TRACE
    assert inside == traceparent_of(recorded.span)
    assert after == TRACE


def test_work_without_a_trace_begins_one() -> None:
    recorded = Recorded()

    chat(recorded)

    assert recorded.span.parent is None


def test_every_call_is_timed_and_its_tokens_are_counted_by_kind() -> None:
    recorded = Recorded()

    for _ in range(3):
        chat(recorded)

    answered = {**OF_THE_CALL, "gen_ai.response.model": "tiny-1"}
    [duration] = recorded.points("gen_ai.client.operation.duration")
    assert (attributes(duration), duration.count) == (answered, 3)
    assert duration.explicit_bounds[:2] == (0.01, 0.02)
    tokens = {attributes(point)["gen_ai.token.type"]: point for point in recorded.points("gen_ai.client.token.usage")}
    assert {kind: point.sum for kind, point in tokens.items()} == {"input": 3 * 12, "output": 3 * 34}
    assert attributes(tokens["input"]) == {**answered, "gen_ai.token.type": "input"}
    assert tokens["input"].explicit_bounds[:4] == (1, 4, 16, 64)


def test_who_does_not_count_tokens_times_the_call_all_the_same() -> None:
    recorded = Recorded()

    chat(recorded, counts_tokens=False)

    assert [point.count for point in recorded.points("gen_ai.client.operation.duration")] == [1]
    assert recorded.points("gen_ai.client.token.usage") == []


def test_a_failed_call_is_timed_under_its_kind_of_error() -> None:
    recorded = Recorded()

    failed(recorded, Overloaded("full"))

    [duration] = recorded.points("gen_ai.client.operation.duration")
    assert attributes(duration) == {**OF_THE_CALL, "error.type": "overloaded"}
    assert recorded.points("gen_ai.client.token.usage") == []


def test_a_process_that_exports_nothing_observes_nothing_and_keeps_its_trace() -> None:
    telemetry = ModelTelemetry("openai", counts_tokens=True)

    with traced(TRACE), telemetry.chat(BARE, model="tiny", server=SERVER) as observed:
        inside = inherited_traceparent()

    assert (observed, inside) == (None, TRACE)


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("https://api.openai.com/v1", {"server.address": "api.openai.com", "server.port": 443}),
        ("http://127.0.0.1:8000/v1", {"server.address": "127.0.0.1", "server.port": 8000}),
        ("http://engine/v1", {"server.address": "engine", "server.port": 80}),
        ("solvers:50051", {"server.address": "solvers", "server.port": 50051}),
        ("dns:///solvers.graftwork.svc:50051", {"server.address": "solvers.graftwork.svc", "server.port": 50051}),
        ("dns:///solvers", {"server.address": "solvers"}),
        ("ipv4:127.0.0.1:1", {"server.address": "127.0.0.1", "server.port": 1}),
        ("ipv4:127.0.0.1:1,127.0.0.1:2", {"server.address": "ipv4:127.0.0.1:1,127.0.0.1:2"}),
        ("unix:/run/pod.sock", {"server.address": "unix:/run/pod.sock"}),
    ],
)
def test_the_server_is_told_by_host_and_port_where_it_has_them(server: str, told: dict[str, str | int]) -> None:
    assert server_attributes(server) == told
