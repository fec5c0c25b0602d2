"""What endpoints that call themselves OpenAI-compatible say when they refuse or fail, and what it means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from aiohttp import web

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import UnknownPool
from graftwork_solvers.errors import KeyRefused
from graftwork_solvers.errors import ParameterRefused
from tests.support.vendor_forms import anthropic
from tests.support.vendor_forms import extra_forbidden
from tests.support.vendor_forms import google
from tests.support.vendor_forms import openai
from tests.support.vendor_forms import unknown_names


@dataclass(frozen=True)
class Said:
    """An answer other than 200, what it means, the words that must reach a person, and the wait that it asks for."""

    vendor: str
    what: str
    status: int
    body: Any
    meaning: type[GraftworkError]
    words: str = ""
    wait: float | None = None
    parameters: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        """The body as it is sent."""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()

    def response(self) -> web.Response:
        """The whole answer."""
        return web.Response(
            status=self.status, body=self.raw, content_type="application/json", headers=dict(self.headers)
        )

    def __str__(self) -> str:
        return f"{self.vendor}: {self.what}"


_API_KEY_INVALID = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
    "metadata": {"service": "generativelanguage.googleapis.com"},
}
_TRY_IN_38S = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38s"}
_RETRY_IN_WORDS = "You exceeded your current quota, please check your plan.\nPlease retry in 38.601658672s."
_OPENAI_FULL = "Rate limit reached for gpt-5 on requests per min (RPM): Limit 3, Used 3. Please try again in 1m20s."
_OPENAI_TOO_LARGE = "Request too large for gpt-5 on tokens per min (TPM): Limit 30000, Requested 30601."
_OPENAI_TOO_LONG = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
_OPENAI_SCHEMA = "Invalid schema for response_format 'answer': In context=(), 'additionalProperties' is required."
_NO_SCHEMAS = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
_DEEPSEEK_422 = (
    "Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` "
    "is unavailable now at line 1 column 12440"
)
_LLAMA_TOO_LONG = "request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it"
_AZURE_KEY = "Access denied due to invalid subscription key or wrong API endpoint."
_PROVIDER = {"code": 502, "message": "Provider returned error", "metadata": {"raw": "upstream is melting"}}
_FLAGGED = {"code": 403, "message": "Input flagged", "metadata": {"reasons": ["violence"], "flagged_input": "x"}}

ERRORS = (
    Said(
        "OpenAI", "wrong key", 401, openai("Incorrect API key provided: sk-ab***yz", code="invalid_api_key"), KeyRefused
    ),
    Said(
        "OpenAI", "no money", 429, openai("You exceeded your quota", code="insufficient_quota"), ModelRefused, "quota"
    ),
    Said("OpenAI", "full", 429, openai(_OPENAI_FULL, code="rate_limit_exceeded"), Overloaded, "RPM", 80),
    Said(
        "OpenAI",
        "full, by header",
        429,
        openai(_OPENAI_FULL, code="rate_limit_exceeded"),
        Overloaded,
        "RPM",
        0.12,
        headers={"retry-after-ms": "120", "retry-after": "1"},
    ),
    Said(
        "OpenAI",
        "never let in",
        429,
        openai(_OPENAI_TOO_LARGE, type="tokens", code="rate_limit_exceeded"),
        ModelRefused,
        "Requested 30601",
    ),
    Said(
        "OpenAI",
        "too long",
        400,
        openai(_OPENAI_TOO_LONG, param="messages", code="context_length_exceeded"),
        ModelRefused,
        _OPENAI_TOO_LONG,
    ),
    Said("OpenAI", "bad schema", 400, openai(_OPENAI_SCHEMA, param="response_format"), ModelRefused, _OPENAI_SCHEMA),
    Said(
        "OpenAI",
        "no schemas",
        400,
        openai(_NO_SCHEMAS, param="response_format"),
        ParameterRefused,
        _NO_SCHEMAS,
        parameters=frozenset({"response_format"}),
    ),
    Said(
        "OpenAI",
        "unknown arguments",
        400,
        openai("Unrecognized request arguments supplied: min_p, repeat_penalty"),
        ParameterRefused,
        parameters=frozenset({"min_p", "repeat_penalty"}),
    ),
    Said(
        "OpenAI",
        "no temperature",
        400,
        openai(
            "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) is supported.",
            param="temperature",
            code="unsupported_value",
        ),
        ParameterRefused,
        parameters=frozenset({"temperature"}),
    ),
    Said(
        "OpenAI",
        "no system role",
        400,
        openai(
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
            param="messages[0].role",
            code="unsupported_value",
        ),
        ParameterRefused,
        parameters=frozenset({"system"}),
    ),
    Said(
        "OpenAI",
        "no such model",
        404,
        openai("The model `gpt-99` does not exist", code="model_not_found"),
        UnknownPool,
        "gpt-99",
    ),
    Said("OpenAI", "country", 403, openai("Country, region, or territory not supported"), KeyRefused, "Country"),
    Said("Azure", "wrong key", 401, {"error": {"code": "401", "message": _AZURE_KEY}}, KeyRefused),
    Said("Anthropic", "wrong key", 401, anthropic("authentication_error", "invalid x-api-key"), KeyRefused),
    Said("Anthropic", "overloaded", 529, anthropic("overloaded_error", "Overloaded"), Overloaded, "Overloaded"),
    Said(
        "Anthropic",
        "full",
        429,
        anthropic("rate_limit_error", "This request would exceed your organization's rate limit"),
        Overloaded,
        "organization",
        17,
        headers={"retry-after": "17"},
    ),
    Said(
        "Anthropic",
        "too long",
        400,
        anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        ModelRefused,
        "210000 tokens > 200000",
    ),
    Said(
        "Anthropic",
        "no money",
        400,
        anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        ModelRefused,
        "credit balance",
    ),
    Said(
        "Anthropic",
        "no temperature",
        400,
        openai("temperature is deprecated for this model.", code="invalid_request_error"),
        ParameterRefused,
        parameters=frozenset({"temperature"}),
    ),
    Said(
        "Anthropic",
        "one of two",
        400,
        anthropic("invalid_request_error", "`temperature` and `top_p` cannot both be specified for this model."),
        ParameterRefused,
        parameters=frozenset({"top_p"}),
    ),
    Said(
        "Anthropic",
        "no such model",
        404,
        anthropic("not_found_error", "model: claude-99"),
        UnknownPool,
        "model: claude-99",
    ),
    Said(
        "Gemini",
        "wrong key",
        400,
        google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", _API_KEY_INVALID),
        KeyRefused,
    ),
    Said("Gemini", "full", 429, google(429, "RESOURCE_EXHAUSTED", "Quota", _TRY_IN_38S), Overloaded, "Quota", 38),
    Said(
        "Gemini",
        "full, in words",
        429,
        google(429, "RESOURCE_EXHAUSTED", _RETRY_IN_WORDS),
        Overloaded,
        "",
        38.601658672,
    ),
    Said(
        "Gemini",
        "overloaded",
        503,
        google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        Overloaded,
        "overloaded",
    ),
    Said(
        "Gemini",
        "unknown names",
        400,
        unknown_names(["seed", "min_p"]),
        ParameterRefused,
        parameters=frozenset({"seed", "min_p"}),
    ),
    Said(
        "Gemini",
        "one text a call",
        400,
        google(400, "INVALID_ARGUMENT", "Multiple candidates is not enabled for this model"),
        ParameterRefused,
        parameters=frozenset({"n"}),
    ),
    Said(
        "Gemini",
        "no such model",
        404,
        google(404, "NOT_FOUND", "models/gemini-99 is not found for API version v1main"),
        UnknownPool,
        "models/gemini-99",
    ),
    Said(
        "Mistral",
        "extra input",
        422,
        extra_forbidden(["seed"]),
        ParameterRefused,
        parameters=frozenset({"seed"}),
    ),
    Said(
        "Mistral",
        "extra input, older",
        422,
        {"object": "error", "message": json.dumps({"detail": extra_forbidden(["seed"])["message"]["detail"]})},
        ParameterRefused,
        parameters=frozenset({"seed"}),
    ),
    Said("Mistral", "wrong key", 401, {"message": "Unauthorized", "request_id": "b5"}, KeyRefused),
    Said("Mistral", "no path", 404, {"detail": "Not Found"}, ModelRefused, "does its URL end in /v1?"),
    Said(
        "Mistral",
        "bad input",
        422,
        {"detail": [{"type": "less_than_equal", "loc": ["body", "temperature"], "msg": "should be at most 1.5"}]},
        ModelRefused,
        "should be at most 1.5",
    ),
    Said(
        "DeepSeek",
        "no schemas",
        400,
        openai("This response_format type is unavailable now", code="invalid_request_error"),
        ParameterRefused,
        parameters=frozenset({"response_format"}),
    ),
    Said(
        "DeepSeek", "no schemas, older", 422, _DEEPSEEK_422, ParameterRefused, parameters=frozenset({"response_format"})
    ),
    Said(
        "DeepSeek",
        "no money",
        402,
        openai("Insufficient Balance", code="invalid_request_error"),
        ModelRefused,
        "Balance",
    ),
    Said(
        "OpenRouter",
        "no money",
        402,
        {"error": {"code": 402, "message": "Insufficient credits"}},
        ModelRefused,
        "credits",
    ),
    Said(
        "OpenRouter",
        "money set aside",
        402,
        {"error": {"code": 402, "message": "In-flight budget"}},
        Overloaded,
        "budget",
        3,
        headers={"retry-after": "3"},
    ),
    Said(
        "OpenRouter", "moderation", 403, {"error": _FLAGGED}, ModelRefused, "moderation refused the call (403): Input"
    ),
    Said(
        "OpenRouter",
        "provider",
        502,
        {"error": _PROVIDER},
        DependencyDown,
        "Provider returned error: upstream is melting",
    ),
    Said(
        "Groq",
        "unsupported property",
        400,
        {"error": {"message": "property 'min_p' is unsupported", "type": "invalid_request_error"}},
        ParameterRefused,
        parameters=frozenset({"min_p"}),
    ),
    Said(
        "Groq",
        "no schemas",
        400,
        {"error": {"message": "This model does not support response format `json_schema`. See supported models."}},
        ParameterRefused,
        parameters=frozenset({"response_format"}),
    ),
    Said(
        "Groq",
        "never let in",
        413,
        openai("Request too large for model `x` on tokens per minute (TPM)", type="tokens", code="rate_limit_exceeded"),
        ModelRefused,
        "TPM",
    ),
    Said(
        "xAI",
        "no stop",
        400,
        {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: stop"},
        ParameterRefused,
        parameters=frozenset({"stop"}),
    ),
    Said("vLLM", "wrong key", 401, {"error": "Unauthorized"}, KeyRefused),
    Said(
        "vLLM",
        "too long",
        400,
        {"error": {"message": _OPENAI_TOO_LONG, "type": "BadRequestError", "param": None, "code": 400}},
        ModelRefused,
        _OPENAI_TOO_LONG,
    ),
    Said(
        "vLLM",
        "bad schema",
        400,
        {"error": {"message": "Grammar error: Invalid type: x", "type": "BadRequestError", "param": None, "code": 400}},
        ModelRefused,
        "Grammar error: Invalid type: x",
    ),
    Said(
        "vLLM",
        "no system role",
        400,
        {
            "object": "error",
            "message": "System role not supported",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        ParameterRefused,
        parameters=frozenset({"system"}),
    ),
    Said(
        "vLLM",
        "no such model",
        404,
        {"error": {"message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}},
        UnknownPool,
        "`x`",
    ),
    Said(
        "llama.cpp",
        "too long",
        400,
        {"error": {"code": 400, "message": _LLAMA_TOO_LONG, "type": "exceed_context_size_error", "n_ctx": 4096}},
        ModelRefused,
        _LLAMA_TOO_LONG,
    ),
    Said(
        "llama.cpp",
        "too long, told late",
        500,
        {"error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}},
        ModelRefused,
        "Context size has been exceeded.",
    ),
    Said(
        "llama.cpp",
        "bad schema",
        400,
        {"error": {"code": 400, "message": "Failed to initialize samplers: failed to parse grammar"}},
        ModelRefused,
        "failed to parse grammar",
    ),
    Said(
        "llama.cpp",
        "loading",
        503,
        {"error": {"code": 503, "message": "Loading model"}},
        DependencyDown,
        "Loading model",
    ),
    Said(
        "Ollama",
        "no such model",
        404,
        {"error": {"message": 'model "x" not found, try pulling it first', "type": "api_error"}},
        UnknownPool,
        "try pulling it first",
    ),
    Said("nginx", "bad gateway", 502, "<html><h1>502 Bad Gateway</h1></html>", DependencyDown, "502 Bad Gateway"),
)
