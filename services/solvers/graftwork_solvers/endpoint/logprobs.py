"""The probabilities of tokens, as OpenAI-compatible endpoints tell them. Pure."""

import math
from typing import Annotated

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import Field

from graftwork.models.plane import Alternative
from graftwork.models.plane import TokenLogprob

_IMPOSSIBLE = -9999.0


def _proper(value: float) -> float:
    """OpenAI's word for impossible is -9999; others say minus infinity, which JSON does not know."""
    if math.isnan(value) or value == math.inf:
        raise ValueError("no logarithm of a probability")
    return max(value, _IMPOSSIBLE)


_Logprob = Annotated[float, AfterValidator(_proper)]


class _Alternative(BaseModel):
    token: str
    logprob: _Logprob


class _Token(_Alternative):
    top_logprobs: list[_Alternative] = Field(default_factory=list)

    def told(self) -> TokenLogprob:
        """The same in the port's words."""
        top = tuple(Alternative(token=other.token, logprob=other.logprob) for other in self.top_logprobs)
        return TokenLogprob(token=self.token, logprob=self.logprob, top=top)


class Logprobs(BaseModel):
    """The ``logprobs`` of a choice. Raises ``ValidationError`` for what makes no sense."""

    content: list[_Token] | None = None

    def told(self) -> tuple[TokenLogprob, ...]:
        """One entry per token of the text; none where the endpoint told none."""
        return tuple(token.told() for token in self.content or ())
