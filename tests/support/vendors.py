"""What endpoints that call themselves OpenAI-compatible really say, in their own forms of answer and error."""

import json
from collections.abc import Callable
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

Body = dict[str, Any]
SKY = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
BLUE = json.dumps({"colour": "blue"})


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


def openai(message: str, **fields: Any) -> Body:
    """Return the error object that most have taken over."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


def anthropic(kind: str, message: str) -> Body:
    """Return Anthropic's own, which its compatible door also sends."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CUsqsYzUH1uPbkfKXe11U"}


def google(code: int, status: str, message: str, *details: Body) -> list[Body]:
    """Return Gemini's, in a list."""
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


def unknown_names(names: list[str]) -> list[Body]:
    """Return what Gemini says of fields that it has not heard of."""
    said = [f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.' for name in names]
    violations = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"description": one} for one in said],
    }
    return google(400, "INVALID_ARGUMENT", "\n".join(said), violations)


def extra_forbidden(names: list[str]) -> Body:
    """Return what Mistral says of fields that it has not heard of."""
    problems = [
        {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 1}
        for name in names
    ]
    return {"object": "error", "message": {"detail": problems}, "type": "invalid_request_error", "code": 3001}


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

Rule = Callable[[Body], Any | None]
"""Looks at the body of a call: the error object to answer it with, or None."""


@dataclass(frozen=True)
class Vendor:
    """How one vendor's endpoint takes a call.

    ``enforces``: the response formats by which its answers keep to a schema; with others, they do so as far as the
    prompt tells it. ``lessons``: calls that it refuses before it answers the first. ``sends``: what it is sent then,
    beside the messages. ``bills``: prompt and completion tokens of one call. ``texts``: how many it writes, of n.
    """

    name: str
    lessons: int
    sends: frozenset[str]
    rules: tuple[Rule, ...] = ()
    refused_with: int = 400
    enforces: frozenset[str] = frozenset({"json_schema"})
    usage: Mapping[str, Any] = field(default_factory=lambda: {"prompt_tokens": 20, "completion_tokens": 5})
    bills: tuple[int, int] = (20, 5)
    writes_one: bool = False
    message: Mapping[str, Any] = field(default_factory=dict)
    before: str = ""

    async def chat(self, body: Body) -> web.Response:
        """Answer as the vendor does."""
        for rule in self.rules:
            error = rule(body)
            if error is not None:
                return web.json_response(error, status=self.refused_with)
        texts = [self._text(body)] * (1 if self.writes_one else body.get("n", 1))
        choices = [
            {"index": 0, "message": {"role": "assistant", "content": text, **self.message}, "finish_reason": "stop"}
            for text in texts
        ]
        answer = {"model": f"{body['model']}-0815", "choices": choices, "usage": self.usage}
        return web.Response(text=self.before + json.dumps(answer), content_type="application/json")

    def _text(self, body: Body) -> str:
        asked = body.get("response_format", {}).get("type")
        told = "JSON schema" in json.dumps(body["messages"])
        if asked in self.enforces and (asked == "json_schema" or told):
            return BLUE
        return f"```json\n{BLUE}\n```" if told else "It is blue."

    def __str__(self) -> str:
        return self.name


def _unknown(names: frozenset[str], error: Callable[[list[str]], Any]) -> Rule:
    def rule(body: Body) -> Any | None:
        found = [name for name in body if name in names]
        return error(found) if found else None

    return rule


def _one_by_one(names: tuple[str, ...], error: Callable[[str], Any]) -> Rule:
    def rule(body: Body) -> Any | None:
        found = next((name for name in names if name in body), None)
        return None if found is None else error(found)

    return rule


def _schemas_refused(error: Any) -> Rule:
    return lambda body: error if body.get("response_format", {}).get("type") == "json_schema" else None


def _several_refused(error: Any) -> Rule:
    return lambda body: error if body.get("n", 1) > 1 else None


def _without_json_said(body: Body) -> Any | None:
    asked = body.get("response_format", {}).get("type") == "json_object"
    if not asked or "json" in json.dumps(body["messages"]).lower():
        return None
    return openai("Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'")


def _system_refused(error: Any) -> Rule:
    return lambda body: error if any(turn["role"] == "system" for turn in body["messages"]) else None


def _both_refused(body: Body) -> Any | None:
    if not {"temperature", "top_p"} <= body.keys():
        return None
    return anthropic("invalid_request_error", "`temperature` and `top_p` cannot both be specified for this model.")


def _not_supported(name: str) -> Body:
    words = f"Unsupported parameter: '{name}' is not supported with this model."
    return openai(words, param=name, code="unsupported_parameter")


_PENALTIES = frozenset({"repeat_penalty", "repetition_penalty"})
_OWN = frozenset({"min_p"}) | _PENALTIES
_USUAL = frozenset({"model", "temperature", "top_p", "stop", "response_format"})
_SYSTEM = {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}

VENDORS = (
    Vendor(
        "OpenAI",
        1,
        _USUAL | {"max_tokens", "seed", "n"},
        (_unknown(_OWN, lambda names: openai(f"Unrecognized request arguments supplied: {', '.join(names)}")),),
    ),
    Vendor(
        "OpenAI, reasoning",
        6,
        frozenset({"model", "max_completion_tokens", "seed", "n", "response_format"}),
        (
            _unknown(_OWN, lambda names: openai(f"Unrecognized request arguments supplied: {', '.join(names)}")),
            _one_by_one(("max_tokens", "temperature", "top_p", "stop"), _not_supported),
            _system_refused(
                openai(
                    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                    param="messages[0].role",
                    code="unsupported_value",
                )
            ),
        ),
        usage={
            "prompt_tokens": 20,
            "completion_tokens": 105,
            "total_tokens": 125,
            "completion_tokens_details": {"reasoning_tokens": 100},
            "prompt_tokens_details": {"cached_tokens": 16},
        },
        bills=(20, 105),
    ),
    Vendor(
        "Gemini",
        3,
        _USUAL | {"max_tokens"},
        (
            _unknown(_OWN | {"seed", "random_seed"}, unknown_names),
            _several_refused(google(400, "INVALID_ARGUMENT", "Multiple candidates is not enabled for this model")),
        ),
        usage={"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 85},
        bills=(20, 65),
        message={"extra_content": {"google": {"thought_signature": "CiQBjz1rX"}}},
    ),
    Vendor(
        "Mistral",
        1,
        _USUAL | {"max_tokens", "random_seed", "n"},
        (_unknown(_OWN | {"seed"}, extra_forbidden),),
        refused_with=422,
    ),
    Vendor(
        "DeepSeek",
        1,
        _USUAL | _OWN | {"max_tokens", "seed", "n"},
        (
            _schemas_refused(openai("This response_format type is unavailable now", code="invalid_request_error")),
            _without_json_said,
        ),
        enforces=frozenset({"json_object"}),
        usage={
            "prompt_tokens": 20,
            "completion_tokens": 45,
            "total_tokens": 65,
            "prompt_cache_hit_tokens": 16,
            "prompt_cache_miss_tokens": 4,
        },
        bills=(20, 45),
        writes_one=True,
        message={"reasoning_content": "The sky? Blue."},
        before="\n\n\n\n",
    ),
    Vendor(
        "Claude, behind a router",
        1,
        _USUAL - {"top_p"} | _OWN | {"max_tokens", "seed", "n"},
        (_both_refused,),
        enforces=frozenset(),
        writes_one=True,
    ),
    Vendor(
        "OpenRouter",
        0,
        _USUAL | _OWN | {"max_tokens", "seed", "n"},
        usage={"prompt_tokens": 20, "completion_tokens": 45, "total_tokens": 65, "cost": 0.00021, "is_byok": False},
        bills=(20, 45),
        writes_one=True,
        message={"reasoning": "The sky? Blue.", "refusal": None, "reasoning_details": [{"type": "reasoning.text"}]},
        before="         \n",
    ),
    Vendor(
        "Groq",
        4,
        _USUAL | {"max_tokens", "seed"},
        (
            _one_by_one(
                ("min_p", "repeat_penalty", "repetition_penalty"),
                lambda name: {
                    "error": {"message": f"property '{name}' is unsupported", "type": "invalid_request_error"}
                },
            ),
            _several_refused({"error": {"message": "'n' : number must be at most 1", "type": "invalid_request_error"}}),
            _schemas_refused(
                {
                    "error": {
                        "message": "This model does not support response format `json_schema`. See supported models."
                    }
                }
            ),
        ),
        enforces=frozenset({"json_object"}),
    ),
    Vendor("vLLM", 0, _USUAL | _OWN | {"max_tokens", "seed", "n"}, message={"reasoning": None, "tool_calls": []}),
    Vendor("vLLM, Gemma", 1, _USUAL | _OWN | {"max_tokens", "seed", "n"}, (_system_refused(_SYSTEM),)),
    Vendor("llama.cpp", 0, _USUAL | _OWN | {"max_tokens", "seed", "n"}),
    Vendor("Ollama", 0, _USUAL | _OWN | {"max_tokens", "seed", "n"}, writes_one=True),
)
