"""A chat call as the server reads it."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.scripted_model.script import GENERATION


class BadCallError(ValueError):
    """The request is not a chat completion call."""


@dataclass(frozen=True, slots=True)
class ChatCall:
    """``asked`` is the first user turn (a role's question); ``heard`` is all but the assistant's turns."""

    role: str
    asked: str
    heard: str
    schema: Mapping[str, Any] | None
    n: int
    model: str | None
    stream: bool
    prompt_bytes: int

    @classmethod
    def parse(cls, body: Any) -> "ChatCall":
        """Read the JSON body; raises ``BadCallError``."""
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
            raise BadCallError("messages must be a list with at least one message")
        turns = [_turn(message) for message in body["messages"]]
        role, schema = _asked_format(body.get("response_format"))
        return cls(
            role=role,
            asked=next((text for speaker, text in turns if speaker == "user"), ""),
            heard="\n".join(text for speaker, text in turns if speaker != "assistant"),
            schema=schema,
            n=_count(body.get("n", 1)),
            model=body.get("model"),
            stream=bool(body.get("stream", False)),
            prompt_bytes=sum(len(text.encode()) for _, text in turns),
        )


def _turn(message: Any) -> tuple[str, str]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise BadCallError("every message needs a role and content")
    content = message.get("content") or ""
    if isinstance(content, str):
        return message["role"], content
    if isinstance(content, Sequence):
        return message["role"], "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    raise BadCallError("content must be a string or a list of parts")


def _asked_format(response_format: Any) -> tuple[str, Mapping[str, Any] | None]:
    if not isinstance(response_format, dict) or response_format.get("type") in {None, "text"}:
        return GENERATION, None
    if response_format["type"] == "json_object":
        return "json_object", {"type": "object"}
    wanted = response_format.get("json_schema")
    if not isinstance(wanted, dict) or not isinstance(wanted.get("name"), str):
        raise BadCallError("response_format.json_schema needs a name and a schema")
    return wanted["name"], wanted.get("schema") or {"type": "object"}


def _count(n: Any) -> int:
    if not isinstance(n, int) or n < 1:
        raise BadCallError("n must be a positive integer")
    return n
