"""What a call used and cost."""

from graftwork.contracts.usage import Usage
from graftwork.kit.logging import get_logger
from graftwork.models.budget import cost_of
from graftwork.models.budget import token_bound
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import ModelDescription
from graftwork_solvers.endpoint.answers import ChatAnswer
from graftwork_solvers.endpoint.answers import EmbedAnswer

log = get_logger(__name__)


class Accounts:
    """Turns an endpoint's counts into usage.

    An endpoint that does not count, or counts nonsense, is charged at the upper bound: a token is at
    least a byte, and no answer is longer than its limit. Budgets are promises, so the error has to
    be on their side. That is logged once per model.
    """

    def __init__(self) -> None:
        self._without_counts: set[str] = set()

    def of_chat(self, request: GenerateRequest, answer: ChatAnswer, model: ModelDescription) -> Usage:
        """Usage of one chat completion."""
        if answer.counts is None:
            self._note(model.name)
            return _priced(_chat_bound(request, answer), model)
        counts = answer.counts
        used = Usage(calls=1, prompt_tokens=counts.prompt_tokens, completion_tokens=counts.completion_tokens)
        return _priced(used, model)

    def of_embeddings(self, request: EmbedRequest, answer: EmbedAnswer, model: ModelDescription) -> Usage:
        """Usage of one embeddings call."""
        if answer.counts is None:
            self._note(model.name)
            return _priced(Usage(calls=1, prompt_tokens=sum(len(text.encode()) for text in request.texts)), model)
        return _priced(Usage(calls=1, prompt_tokens=answer.counts.prompt_tokens), model)

    def _note(self, model: str) -> None:
        if model not in self._without_counts:
            self._without_counts.add(model)
            log.warning("endpoint.counts_no_tokens", model=model, charged="upper bound: one token a byte")


def _chat_bound(request: GenerateRequest, answer: ChatAnswer) -> Usage:
    bound = token_bound(request)
    written = sum(len(text.encode()) + 1 for text in answer.texts)
    written += sum(len(thought.encode()) for thought in answer.reasonings)
    completion = written if request.max_tokens is None else min(written, bound.completion_tokens)
    return bound.model_copy(update={"completion_tokens": completion})


def _priced(usage: Usage, model: ModelDescription) -> Usage:
    return usage.model_copy(update={"cost_usd": cost_of(usage, model)})
