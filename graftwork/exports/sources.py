"""What the columns of a dataset hold, by TRL's names, and its rows as conversations."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from graftwork.exports.conversation import ASSISTANT
from graftwork.exports.conversation import USER
from graftwork.exports.conversation import Conversation
from graftwork.exports.conversation import Turn
from graftwork.exports.conversation import Unsayable
from graftwork.exports.conversation import turns_of

_PAIR = ("prompt", "completion")


class Kind(StrEnum):
    """What a column's cells are."""

    TEXT = "text"
    LIST = "list"
    OTHER = "other"


class Shape(StrEnum):
    """What the rows of a dataset are.

    ``pair``: a prompt and its completion. ``conversation``: messages, be it in one column or split over prompt and
    completion. ``text``: running text. ``other``: none of these.
    """

    PAIR = "pair"
    CONVERSATION = "conversation"
    TEXT = "text"
    OTHER = "other"


def shape_of(kinds: Mapping[str, Kind]) -> Shape:
    """Tell what the rows are from the columns: name -> kind."""
    if kinds.get("messages") is Kind.LIST:
        return Shape.CONVERSATION
    pair = [kinds.get(name, Kind.OTHER) for name in _PAIR]
    if Kind.OTHER not in pair:
        return Shape.CONVERSATION if Kind.LIST in pair else Shape.PAIR
    return Shape.TEXT if kinds.get("text") is Kind.TEXT else Shape.OTHER


def columns_of(shape: Shape, kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Return the columns that hold what the shape says."""
    if shape is Shape.OTHER:
        return ()
    if shape is Shape.TEXT:
        return ("text",)
    return ("messages",) if kinds.get("messages") is Kind.LIST else _PAIR


def conversation_of(row: Mapping[str, Any]) -> Conversation:
    """Read a row of shape ``pair`` or ``conversation``. Raises ``Unsayable``."""
    if "messages" in row:
        return turns_of(row["messages"])
    prompt, completion = _PAIR
    return (*_said(row, prompt, USER), *_said(row, completion, ASSISTANT))


def _said(row: Mapping[str, Any], column: str, role: str) -> Conversation:
    value = row[column]
    if value is None:
        raise Unsayable(f"has no {column}")
    return (Turn(role, value),) if isinstance(value, str) else turns_of(value)
