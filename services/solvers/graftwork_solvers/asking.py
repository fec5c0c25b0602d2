"""One chat, in the words that the endpoint understands."""

from graftwork.models.plane import GenerateRequest
from graftwork_solvers.answers import ChatAnswer
from graftwork_solvers.chat import chat_body
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.errors import ParameterRefused
from graftwork_solvers.pools import Serving


async def ask_in_dialect(endpoint: Endpoint, request: GenerateRequest, serving: Serving) -> ChatAnswer:
    """Ask again as long as a refusal teaches something about the dialect; further failures are the endpoint's."""
    dialect = serving.dialect
    while True:
        body = chat_body(
            request,
            model=serving.model,
            pool=serving.settings,
            omit=dialect.omit,
            max_tokens_parameter=dialect.max_tokens_parameter,
        )
        try:
            return await endpoint.chat(body, wanted=request.n)
        except ParameterRefused as refused:
            if not dialect.learn(refused):
                raise
