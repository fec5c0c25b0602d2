"""What an OpenAI-compatible endpoint answers, read leniently in form and strictly in meaning. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Annotated
from typing import Any
from typing import Self
from typing import TypeVar

from pydantic import AliasChoices
from pydantic import BaseModel
from pydantic import Field
from pydantic import ValidationError
from pydantic import WrapValidator
from pydantic import model_validator
from pydantic_core import from_json

from graftwork.models.plane import TokenLogprob
from graftwork_solvers.endpoint.logprobs import Logprobs
from graftwork_solvers.errors import MalformedAnswer

_EXCERPT_CHARS = 120
# Of one call. No context is nearly as long: what lies beyond is a mistake and no bill.
_MOST_TOKENS = 100_000_000
_M = TypeVar("_M", bound=BaseModel)
_T = TypeVar("_T")


def _none_if_invalid(value: Any, check: Any) -> Any:
    """What comes beside a text and makes no sense counts as none: the text is paid for and good."""
    try:
        return check(value)
    except ValidationError:
        return None


_Lenient = Annotated[_T | None, WrapValidator(_none_if_invalid)]


class TokenCounts(BaseModel):
    """Tokens of one answer, as the endpoint counts them: what it bills, thoughts among them."""

    prompt_tokens: int = Field(ge=0, le=_MOST_TOKENS)
    completion_tokens: int = Field(default=0, ge=0, le=_MOST_TOKENS)

    @model_validator(mode="before")
    @classmethod
    def _thoughts_are_written_too(cls, value: Any) -> Any:
        """Gemini counts them in the total alone."""
        if not isinstance(value, dict):
            return value
        prompt, written, total = (value.get(f"{part}_tokens") for part in ("prompt", "completion", "total"))
        if not (isinstance(prompt, int) and isinstance(total, int) and isinstance(written, int | None)):
            return value
        return {**value, "completion_tokens": max(written or 0, total - prompt)}


class _Part(BaseModel):
    """``thinking``: Mistral's form of a thought, in parts of its own."""

    type: str = "text"
    text: str | None = None
    thinking: "_Lenient[str | list[_Part]]" = None


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    # The first is DeepSeek's word, which most servers took over; the second is OpenRouter's and newer vLLMs'.
    reasoning_content: _Lenient[str] = None
    reasoning: _Lenient[str] = None


class _Choice(BaseModel):
    index: int = 0
    message: _Message
    finish_reason: str | None = None
    logprobs: _Lenient[Logprobs] = None


class _Chat(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Lenient[TokenCounts] = None
    model: str | None = None


class _Vector(BaseModel):
    index: int = Field(ge=0)
    embedding: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(min_length=1)


class _Embeddings(BaseModel):
    data: list[_Vector]
    usage: _Lenient[TokenCounts] = None
    model: str | None = None


class _Listed(BaseModel):
    id: str
    # vLLM's name, OpenRouter's and Together's, Groq's, Mistral's, Anthropic's.
    context_tokens: _Lenient[int] = Field(
        default=None,
        validation_alias=AliasChoices(
            "max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens"
        ),
    )


class _Listing(BaseModel):
    data: list[_Listed]


@dataclass(frozen=True)
class ChatAnswer:
    """Texts in order of choice; for each its finish reason, what was thought before it, and its tokens' logprobs."""

    texts: tuple[str, ...]
    finish_reasons: tuple[str, ...]
    reasonings: tuple[str, ...]
    logprobs: tuple[tuple[TokenLogprob, ...], ...]
    counts: TokenCounts | None
    model: str | None

    def joined(self, more: Self) -> Self:
        """The texts of both; the counts are this one's."""
        return replace(
            self,
            texts=self.texts + more.texts,
            finish_reasons=self.finish_reasons + more.finish_reasons,
            reasonings=self.reasonings + more.reasonings,
            logprobs=self.logprobs + more.logprobs,
        )


@dataclass(frozen=True)
class EmbedAnswer:
    """Vectors in order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    counts: TokenCounts | None
    model: str | None


@dataclass(frozen=True)
class ListedModel:
    """A model that the endpoint lists; ``context_tokens`` where it tells."""

    name: str
    context_tokens: int | None = None


def parse_json(body: bytes) -> Mapping[str, Any]:
    """The object in a body. Raises ``MalformedAnswer`` for anything else."""
    try:
        value = from_json(body)
    except ValueError as error:
        raise MalformedAnswer(f"the endpoint's answer is not JSON: {_excerpt(body)}") from error
    if not isinstance(value, dict):
        raise MalformedAnswer(f"the endpoint's answer is no JSON object: {_excerpt(body)}")
    return value


def parse_chat(answer: Mapping[str, Any], *, wanted: int) -> ChatAnswer:
    """At most ``wanted`` texts. Raises ``MalformedAnswer``."""
    chat = _checked(_Chat, answer, "chat completion")
    choices = sorted(chat.choices, key=lambda choice: choice.index)[:wanted]
    return ChatAnswer(
        texts=tuple(_text(choice.message) for choice in choices),
        finish_reasons=tuple(_finish_reason(choice) for choice in choices),
        reasonings=tuple(_reasoning(choice.message) for choice in choices),
        logprobs=tuple(() if choice.logprobs is None else choice.logprobs.told() for choice in choices),
        counts=chat.usage,
        model=chat.model,
    )


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        return "".join(part.text or "" for part in message.content if part.type == "text")
    return message.content or ""


def _reasoning(message: _Message) -> str:
    said = message.reasoning_content or message.reasoning
    if said or not isinstance(message.content, list):
        return said or ""
    return "".join(_thought(part) for part in message.content if part.type == "thinking")


def _thought(part: _Part) -> str:
    if isinstance(part.thinking, list):
        return "".join(inner.text or "" for inner in part.thinking)
    return part.thinking or part.text or ""


def _finish_reason(choice: _Choice) -> str:
    if choice.message.refusal:
        return "refusal"
    return choice.finish_reason or "unknown"


def parse_embeddings(answer: Mapping[str, Any], *, wanted: int) -> EmbedAnswer:
    """One vector per text. Raises ``MalformedAnswer``."""
    found = _checked(_Embeddings, answer, "list of embeddings")
    rows = sorted(found.data, key=lambda row: row.index)
    if [row.index for row in rows] != list(range(wanted)):
        raise MalformedAnswer(f"the endpoint sent {len(rows)} embeddings for {wanted} texts, or numbered them wrongly")
    if len({len(row.embedding) for row in rows}) != 1:
        raise MalformedAnswer("the endpoint sent embeddings of different lengths")
    return EmbedAnswer(tuple(tuple(row.embedding) for row in rows), found.usage, found.model)


def parse_models(answer: Mapping[str, Any]) -> tuple[ListedModel, ...]:
    """The models listed. Raises ``MalformedAnswer``."""
    listing = _checked(_Listing, answer, "list of models")
    return tuple(ListedModel(listed.id, listed.context_tokens) for listed in listing.data)


def _checked(model: type[_M], answer: Mapping[str, Any], what: str) -> _M:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise MalformedAnswer(f"the endpoint's answer is no {what}: {place}: {first['msg']}") from error


def _excerpt(body: bytes) -> str:
    shown = body[:_EXCERPT_CHARS].decode(errors="replace")
    return repr(shown) if shown else "it is empty"
