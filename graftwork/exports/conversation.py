"""Conversations: what every format of chats says in its own words."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

SYSTEM = "system"
USER = "user"
ASSISTANT = "assistant"
ROLES = frozenset({SYSTEM, USER, ASSISTANT, "developer", "tool"})


class Turn(NamedTuple):
    """What one of them said. ``role``: one of ``ROLES``."""

    role: str
    content: str


Conversation = tuple[Turn, ...]


class Unsayable(ValueError):
    """A conversation that a format has no words for; the message says why."""


class Exchanges(NamedTuple):
    """A conversation as questions and answers, at least one of them; ``system`` is empty where there was none."""

    system: str
    pairs: tuple[tuple[str, str], ...]


def turns_of(messages: Any) -> Conversation:
    """Read a list of ``{role, content}``. Raises ``Unsayable``."""
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise Unsayable("has no messages")
    return tuple(_turn(number, message) for number, message in enumerate(messages, start=1))


def _turn(number: int, message: Any) -> Turn:
    if not isinstance(message, Mapping):
        raise Unsayable(f"message {number} has no role and content")
    more = sorted(key for key, value in message.items() if key not in Turn._fields and value is not None)
    if more:
        raise Unsayable(f"message {number} has {', '.join(more)} beside role and content")
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise Unsayable(f"message {number} has the role {role!r}; known are {', '.join(sorted(ROLES))}")
    if not isinstance(content, str):
        raise Unsayable(f"message {number} has no text as its content")
    return Turn(role, content)


def exchanges_of(conversation: Conversation) -> Exchanges:
    """Read a conversation as question and answer in turns, below one system prompt at most.

    Raises:
        Unsayable: it is none.
    """
    has_system = bool(conversation) and conversation[0].role == SYSTEM
    turns = conversation[has_system:]
    asked, answered = turns[::2], turns[1::2]
    in_turns = all(turn.role == USER for turn in asked) and all(turn.role == ASSISTANT for turn in answered)
    if not turns or len(asked) != len(answered) or not in_turns:
        raise Unsayable(f"user and assistant do not take turns: {', '.join(turn.role for turn in conversation)}")
    pairs = tuple((question.content, answer.content) for question, answer in zip(asked, answered, strict=True))
    return Exchanges(conversation[0].content if has_system else "", pairs)
