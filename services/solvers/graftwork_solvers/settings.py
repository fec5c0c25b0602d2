"""Settings of a solver pod."""

from collections.abc import Mapping
from typing import Annotated
from typing import Any
from typing import Literal
from typing import Self
from typing import get_args

from pydantic import AfterValidator
from pydantic import AliasChoices
from pydantic import BeforeValidator
from pydantic import ConfigDict
from pydantic import Field
from pydantic import HttpUrl
from pydantic import SecretStr
from pydantic import model_validator
from pydantic_settings import NoDecode
from pydantic_settings import SettingsConfigDict

from graftwork.contracts.base import Written
from graftwork.contracts.jobs import Profile
from graftwork_solvers.engine_settings import EngineSettings

_ROLES = ("optimizer", "evaluator", "generator")

Parameter = Literal["temperature", "top_p", "min_p", "repeat_penalty", "seed", "stop", "n"]
"""What a call can do without."""

ResponseFormat = Literal["json_schema", "json_object", "none"]
"""How an endpoint is asked to keep to a JSON schema: by the schema, by no more than JSON, or by no parameter."""
_LIMITS = ("max_tokens", "max_completion_tokens")
_FORM = ("model", "messages", "stream", "response_format", "logprobs", "top_logprobs", "repetition_penalty")
_OURS = frozenset((*get_args(Parameter), *_LIMITS, *_FORM))


class Sampling(Written):
    """What a pool uses where a request leaves the choice to it. None: send nothing, the endpoint decides."""

    model_config = ConfigDict(str_strip_whitespace=False)  # a newline is a fine place to stop

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    min_p: float | None = Field(default=None, ge=0, le=1)
    repeat_penalty: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class Price(Written):
    """USD per million tokens."""

    prompt_usd_per_mtok: float = Field(ge=0)
    completion_usd_per_mtok: float = Field(ge=0)


def _nothing_of_ours(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is sent by other means would be hidden here from records and revisions."""
    ours = sorted(_OURS & extra.keys())
    if ours:
        raise ValueError(f"extra_body cannot set {', '.join(ours)}: other settings, or the request, do")
    return extra


class PoolSettings(Written):
    """One pool. No ``model``: the first that the endpoint lists."""

    model: str | None = Field(default=None, min_length=1)
    models: tuple[str, ...] = Field(default=(), description="further models that requests may name")
    prices: Mapping[str, Price] = Field(default_factory=dict, description="by model; no price: cost unknown")
    sampling: Sampling = Sampling()
    prompt: str | None = Field(default=None, min_length=1, description="system prompt, put before every request's own")
    fixed: bool = Field(
        default=False,
        description="sampling wins over what requests ask for, and requests with a system message are refused",
    )
    revision: str | None = Field(default=None, min_length=1, description="of the weights: a commit, a tag, a date")
    profile: Profile = Profile.STANDARD
    writes_code: bool = True
    max_tokens_parameter: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="reasoning models of OpenAI want max_completion_tokens"
    )
    omit: frozenset[Parameter] = Field(
        default=frozenset(), description="parameters that the endpoint does not take; requests' values are dropped"
    )
    strict_schemas: bool = Field(default=False, description="ask for OpenAI's strict subset of JSON schema")
    response_format: ResponseFormat = Field(default="json_schema", description="what of it the endpoint takes")
    schema_in_prompt: bool | None = Field(
        default=None,
        description="write JSON schemas into the prompt; left out: where the endpoint does not enforce them",
    )
    extra_body: Annotated[Mapping[str, Any], AfterValidator(_nothing_of_ours)] = Field(
        default_factory=dict, description="sent with every chat completion"
    )

    @model_validator(mode="after")
    def _bounded_if_fixed(self) -> Self:
        if self.fixed and self.sampling.max_tokens is None:
            raise ValueError("a fixed pool needs sampling.max_tokens: its requests cannot bound the answers")
        return self


def _one_model_per_pool(value: Any) -> Any:
    """``optimizer=gpt-5,generator=gpt-5-mini`` as a mapping."""
    if not isinstance(value, str):
        return value
    pairs = [entry.partition("=") for entry in value.split(",") if entry.strip()]
    if any(not (pool.strip() and model.strip()) for pool, _, model in pairs):
        msg = "write pool=model pairs, comma separated: optimizer=gpt-5,generator=gpt-5-mini"
        raise ValueError(msg)
    return {pool.strip(): model.strip() for pool, _, model in pairs}


def _without_credentials(url: HttpUrl) -> HttpUrl:
    if url.username or url.password or url.query:
        msg = "no user, password or query in the endpoint's URL: the key belongs into OPENAI_API_KEY"
        raise ValueError(msg)
    return url


def _sendable(key: SecretStr | None) -> SecretStr | None:
    """Secrets that come out of files end in a newline; what else cannot stand in a header is no key."""
    if key is None:
        return None
    plain = key.get_secret_value().strip()
    if not all("!" <= character <= "~" for character in plain):
        raise ValueError("the API key has characters that no key has: blanks, control characters, letters beyond ASCII")
    return SecretStr(plain) if plain else None


class SolversSettings(EngineSettings):
    """Read from ``GRAFTWORK_*``, and from the two variables that every OpenAI client knows."""

    # hide_input: a mistake in one variable must not print the value of another, the key's least of all.
    model_config = SettingsConfigDict(
        env_prefix="GRAFTWORK_", frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    base_url: Annotated[HttpUrl, AfterValidator(_without_credentials)] = Field(
        default=HttpUrl("https://api.openai.com/v1"),
        validation_alias=AliasChoices("GRAFTWORK_SOLVERS_BASE_URL", "OPENAI_BASE_URL"),
        description="OpenAI-compatible endpoint, up to and with its /v1",
    )
    api_key: Annotated[SecretStr | None, AfterValidator(_sendable)] = Field(
        default=None, validation_alias=AliasChoices("GRAFTWORK_SOLVERS_API_KEY", "OPENAI_API_KEY")
    )
    solvers_pools: Mapping[str, PoolSettings] = Field(
        default_factory=dict, description="pool -> its settings, as JSON; default: one pool per role"
    )
    models: Annotated[Mapping[str, str], NoDecode, BeforeValidator(_one_model_per_pool)] = Field(
        default_factory=dict, description="short form: pool=model, comma separated; wins over solvers_pools"
    )
    solvers_host: str = "127.0.0.1"
    solvers_port: int = Field(default=50051, ge=0, le=65535, description="gRPC; 0: any free port")
    solvers_concurrency: int = Field(
        default=64, ge=1, description="most calls at the endpoint at once; the pod finds out how many of them it takes"
    )
    solvers_first_concurrency: int = Field(
        default=4, ge=1, description="calls at once to begin with, doubled while the endpoint takes them"
    )
    solvers_queue_length: int = Field(
        default=256, ge=0, description="calls that may wait for a place; further ones are told to come back"
    )
    solvers_overload_retry_seconds: float = Field(
        default=1.0, gt=0, description="what a call that finds the queue full is told to wait"
    )
    solvers_longest_call_seconds: float = Field(
        default=600.0, gt=0, description="cap on a caller's deadline, and the deadline of one that names none"
    )
    solvers_connect_seconds: float = Field(default=5.0, gt=0)
    solvers_probe_seconds: float = Field(
        default=10.0, ge=0, description="time between looks at the endpoint's model list; 0: never look"
    )
    solvers_canary_seconds: float = Field(
        default=60.0,
        ge=0,
        description="after so long without an answered chat, ask for a token; 0: never",
    )
    solvers_canary_longest_seconds: float = Field(
        default=30.0, gt=0, description="how long that token may take; two that do not come make the pod NOT_SERVING"
    )
    solvers_connection_age_seconds: float = Field(
        default=15.0, gt=0, description="clients reconnect after this, and so find new pods, within 30 s"
    )
    solvers_propagation_seconds: float = Field(
        default=1.0, ge=0, description="time for clients to see NOT_SERVING before the pod takes no more calls"
    )

    @model_validator(mode="after")
    def _one_backend(self) -> Self:
        if self.solvers_backend == "vllm" and "base_url" in self.model_fields_set:
            raise ValueError(
                "the backend vllm is its own endpoint: unset GRAFTWORK_SOLVERS_BASE_URL and OPENAI_BASE_URL, "
                "or set GRAFTWORK_SOLVERS_BACKEND=openai"
            )
        return self

    @property
    def pools(self) -> Mapping[str, PoolSettings]:
        """The pools served here. The short form alone adds to the roles; ``solvers_pools`` names exactly its own."""
        given = self.solvers_pools or {role: PoolSettings() for role in _ROLES}
        named = {
            pool: given.get(pool, PoolSettings()).model_copy(update={"model": model})
            for pool, model in self.models.items()
        }
        return {**given, **named}
