"""What the pod says in a prompt for an endpoint that takes no parameter for it, and undoes in the answer. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json
from pydantic_core import to_json

Turn = Mapping[str, str]

# Both words are needed: "JSON" in the prompt is what OpenAI's and DeepSeek's json_object modes insist on.
_TELL_SCHEMA = "Answer with one JSON object that fits this JSON schema, and with nothing around it:\n"
_FENCE = "```"


def with_schema_told(messages: Sequence[Turn], schema: Mapping[str, Any]) -> list[Turn]:
    """The messages, with ``schema`` at the end of the system's."""
    told = _TELL_SCHEMA + to_json(schema).decode()
    if messages and messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{messages[0]['content']}\n\n{told}"}, *messages[1:]]
    return [{"role": "system", "content": told}, *messages]


def without_system(messages: Sequence[Turn]) -> list[Turn]:
    """What the system says, said by the user at the beginning of the first turn."""
    said = [turn["content"] for turn in messages if turn["role"] == "system"]
    rest = [turn for turn in messages if turn["role"] != "system"]
    if not said:
        return rest
    if not rest or rest[0]["role"] != "user":
        return [{"role": "user", "content": "\n\n".join(said)}, *rest]
    return [{"role": "user", "content": "\n\n".join([*said, rest[0]["content"]])}, *rest[1:]]


def without_fence(text: str) -> str:
    """What stands in a Markdown code block, where the text is one and nothing else."""
    stripped = text.strip()
    language, newline, inside = stripped.removeprefix(_FENCE).removesuffix(_FENCE).partition("\n")
    alone = stripped.startswith(_FENCE) and stripped.endswith(_FENCE) and newline and " " not in language.strip()
    return inside.strip() if alone else text


def cut_before(text: str, stops: Iterable[str]) -> str:
    """``text`` up to the first of ``stops``, as the endpoint would have ended it."""
    return text[: min((found for stop in stops if (found := text.find(stop)) >= 0), default=len(text))]


def may_be_enforced(text: str, schema: Mapping[str, Any]) -> bool:
    """Whether an endpoint that enforces ``schema`` could have written ``text``; looks at the outermost keys only."""
    try:
        value = from_json(text)
    except ValueError:
        return False
    required = schema.get("required", ())
    return not required or (isinstance(value, dict) and all(key in value for key in required))
