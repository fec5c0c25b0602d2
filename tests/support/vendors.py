"""Endpoints that call themselves OpenAI-compatible, as their vendors make them."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from aiohttp import web

from tests.support.vendor_forms import Body
from tests.support.vendor_forms import anthropic
from tests.support.vendor_forms import extra_forbidden
from tests.support.vendor_forms import google
from tests.support.vendor_forms import openai
from tests.support.vendor_forms import unknown_names

SKY = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
BLUE = json.dumps({"colour": "blue"})

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
