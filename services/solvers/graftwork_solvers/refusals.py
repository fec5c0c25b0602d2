"""Which parameters of a call an endpoint says it does not take, told from its words. Pure."""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

SYSTEM = "system"
"""Stands for the role of a message, which some chat templates do not know."""

_CODES = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}
_BETWEEN_NAMES = re.compile(r"[, ]+")
# Bounded throughout: an endpoint may send anything, and must not keep the pod busy with it.
_WORDS = tuple(
    map(
        re.compile,
        (
            # OpenAI and Azure; their structured errors, which name the parameter, are not for all of these.
            r"[Uu]nrecognized request arguments? supplied: ([\w, ]{1,400})",
            r"[Uu]nsupported (?:parameter|value): '(\w{1,40})'",
            r"[Ii]nvalid parameter: '(\w{1,40})' of type '\w{1,40}' is not supported",
            # Gemini
            r'Unknown name "(\w{1,40})"',
            # Mistral, and servers made with FastAPI
            r'"extra_forbidden",\s*"loc":\s*\["body",\s*"(\w{1,40})"',
            # Groq
            r"property '(\w{1,40})' is unsupported",
            r"`(\w{1,40})` is not supported with this model",
            r"'(n)' : number must be at most 1",
            # Anthropic, and routers in front of it
            r"`?temperature`? and `?(top_p)`? cannot both be specified",
            r"\b(\w{1,40})`? is deprecated for this model",
            # xAI
            r"Argument not supported on this model: (\w{1,40})",
            # DeepSeek
            r"(response_format)[\w .`]{0,40} is unavailable now",
        ),
    )
)
_MEANT = {
    "Multiple candidates is not enabled": "n",  # Gemini 3
    "does not support response format `json_schema`": "response_format",  # Groq
    "System role not supported": SYSTEM,  # Gemma's chat template, behind vLLM and llama.cpp
}


def refused_parameters(error: Mapping[str, Any], text: str) -> frozenset[str]:
    """The parameters refused. ``error``: the error object; ``text``: the whole body."""
    return frozenset(_by_code(error)) | frozenset(_by_words(text.replace('\\"', '"')))


def _by_code(error: Mapping[str, Any]) -> Iterator[str]:
    parameter = error.get("param")
    if parameter and {str(error.get("code")), str(error.get("type"))} & _CODES:
        yield SYSTEM if str(parameter).endswith("].role") else str(parameter)


def _by_words(text: str) -> Iterator[str]:
    for words in _WORDS:
        for names in words.findall(text):
            yield from filter(None, _BETWEEN_NAMES.split(names))
    yield from (parameter for words, parameter in _MEANT.items() if words in text)
