"""One chat, in the words that the endpoint understands."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graftwork.models.plane import GenerateRequest
from graftwork_solvers.answers import ChatAnswer
from graftwork_solvers.chat import chat_body
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.errors import ParameterRefused
from graftwork_solvers.pools import Serving
from graftwork_solvers.wording import cut_before
from graftwork_solvers.wording import may_be_enforced
from graftwork_solvers.wording import without_fence


async def ask_in_dialect(endpoint: Endpoint, request: GenerateRequest, serving: Serving) -> ChatAnswer:
    """Ask again as long as a refusal teaches something about the dialect; further failures are the endpoint's."""
    body = _body(request, serving)
    while True:
        try:
            answer = await endpoint.chat(body, wanted=request.n)
        except ParameterRefused as refused:
            # Another call, sent at the same time, may have been taught the same lesson meanwhile.
            if _body(request, serving) == body:
                serving.dialect.learn(refused)
            if (now := _body(request, serving)) == body:
                raise
            body = now
        else:
            return _undone(answer, request, serving)


def _body(request: GenerateRequest, serving: Serving) -> dict[str, Any]:
    dialect = serving.dialect
    body = chat_body(
        request,
        model=serving.model,
        pool=serving.settings,
        omit=dialect.omit,
        max_tokens_parameter=dialect.max_tokens_parameter,
    )
    return dialect.spoken(body, request.json_schema)


def _undone(answer: ChatAnswer, request: GenerateRequest, serving: Serving) -> ChatAnswer:
    """The answer as the endpoint would have given it, had it taken every parameter."""
    if request.stop and "stop" in serving.dialect.omit:
        answer = _mapped(answer, lambda text: cut_before(text, request.stop))
    if request.json_schema is None:
        return answer
    told = list(zip(answer.texts, answer.finish_reasons, strict=True))
    if any(ended == "stop" and not may_be_enforced(text, request.json_schema) for text, ended in told):
        serving.dialect.learn_that_schemas_are_ignored()
    return _mapped(answer, without_fence)


def _mapped(answer: ChatAnswer, change: Callable[[str], str]) -> ChatAnswer:
    return replace(answer, texts=tuple(map(change, answer.texts)))
