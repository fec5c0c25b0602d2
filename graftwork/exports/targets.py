"""The formats that datasets are saved in.

- ``trl``: the columns as they are published, which have TRL's names.
- ``alpaca``: ``instruction``, ``input`` (empty), ``output``; conversations also have ``system`` and ``history``, the
  exchanges before the last one as pairs.
- ``sharegpt``: ``conversations``, a list of ``{from, value}`` with ``human`` and ``gpt``.
- ``chatml``: ``text``, each turn between ``<|im_start|>`` and ``<|im_end|>``.
- ``openai``: ``messages``, as OpenAI's fine-tuning reads them.
"""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from graftwork.contracts.records import EXTRAS_COLUMN
from graftwork.exports.conversation import ASSISTANT
from graftwork.exports.conversation import SYSTEM
from graftwork.exports.conversation import USER
from graftwork.exports.conversation import Conversation
from graftwork.exports.conversation import Unsayable
from graftwork.exports.conversation import exchanges_of
from graftwork.exports.errors import CannotBecome
from graftwork.exports.errors import RowDoesNotFit
from graftwork.exports.sources import Kind
from graftwork.exports.sources import Shape
from graftwork.exports.sources import columns_of
from graftwork.exports.sources import conversation_of
from graftwork.exports.sources import shape_of

Record = dict[str, Any]
SHAREGPT_NAMES = {USER: "human", ASSISTANT: "gpt", SYSTEM: "system", "tool": "observation"}
CHATML_START = "<|im_start|>"
CHATML_END = "<|im_end|>"


class Target(StrEnum):
    """A format."""

    TRL = "trl"
    ALPACA = "alpaca"
    SHAREGPT = "sharegpt"
    CHATML = "chatml"
    OPENAI = "openai"


class Cell(StrEnum):
    """What a column of a format holds."""

    TEXT = "text"
    PAIRS = "pairs"
    """A list of two texts each."""
    MESSAGES = "messages"
    """A list of ``{role, content}``."""
    SAID = "said"
    """A list of ``{from, value}``."""


@dataclass(frozen=True)
class Conversion:
    """The way from a dataset's rows to a format's.

    ``made``: the columns that are made anew, by what they hold, from those that are ``used``. ``kept``: those that
    stay as they are. ``left_out``: those that the format has no place for.
    """

    made: Mapping[str, Cell]
    used: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    _say: Callable[[Conversation], Record] | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns of the dataset that ``convert`` reads."""
        return (*self.used, *self.kept)

    def convert(self, number: int, row: Mapping[str, Any]) -> Record:
        """Return the row in the format; ``number`` counts from 1. Raises ``RowDoesNotFit``."""
        kept = {name: row[name] for name in self.kept}
        if self._say is None:
            return kept
        try:
            return {**self._say(conversation_of(row)), **kept}
        except Unsayable as error:
            raise RowDoesNotFit(number, str(error)) from error


def conversion(kinds: Mapping[str, Kind], target: Target, *, keep_extras: bool = False) -> Conversion:
    """Return the way from a dataset's columns (name -> kind) to a format.

    Args:
        kinds: the dataset's columns, in order.
        target: the format.
        keep_extras: our own column stays beside the format's.

    Raises:
        CannotBecome: the columns do not hold what the format needs.
    """
    ours = tuple(name for name in kinds if name == EXTRAS_COLUMN)
    theirs = tuple(name for name in kinds if name != EXTRAS_COLUMN)
    extras = ours if keep_extras else ()
    if target is Target.TRL:
        return Conversion({}, (), (*theirs, *extras))
    shape = shape_of(kinds)
    if shape in {Shape.TEXT, Shape.OTHER}:
        raise CannotBecome(_why_not(shape, theirs, target))
    used = columns_of(shape, kinds)
    left_out = tuple(name for name in theirs if name not in used)
    made, say = _alpaca(shape) if target is Target.ALPACA else _WORDS[target]
    return Conversion(made, used, extras, left_out, say)


def _why_not(shape: Shape, columns: tuple[str, ...], target: Target) -> str:
    if shape is Shape.TEXT:
        return f"running text (column text) cannot become {target}: it has no questions and answers; use --to trl"
    needed = "prompt and completion, or messages"
    return f"columns {', '.join(columns)} cannot become {target}, which needs {needed}; use --to trl"


def _alpaca(shape: Shape) -> tuple[Mapping[str, Cell], Callable[[Conversation], Record]]:
    short = {"instruction": Cell.TEXT, "input": Cell.TEXT, "output": Cell.TEXT}
    if shape is Shape.PAIR:
        return short, _alpaca_pair
    return {**short, "system": Cell.TEXT, "history": Cell.PAIRS}, _alpaca_conversation


def _alpaca_pair(conversation: Conversation) -> Record:
    question, answer = conversation
    return {"instruction": question.content, "input": "", "output": answer.content}


def _alpaca_conversation(conversation: Conversation) -> Record:
    system, (*before, (question, answer)) = exchanges_of(conversation)
    history = [list(pair) for pair in before]
    return {"instruction": question, "input": "", "output": answer, "system": system, "history": history}


def _sharegpt(conversation: Conversation) -> Record:
    unknown = sorted({turn.role for turn in conversation} - set(SHAREGPT_NAMES))
    if unknown:
        raise Unsayable(f"sharegpt has no name for the role {', '.join(unknown)}")
    return {"conversations": [{"from": SHAREGPT_NAMES[role], "value": content} for role, content in conversation]}


def _chatml(conversation: Conversation) -> Record:
    for number, turn in enumerate(conversation, start=1):
        for mark in (CHATML_START, CHATML_END):
            if mark in turn.content:
                raise Unsayable(f"message {number} contains {mark}, by which chatml tells turns apart")
    return {"text": "".join(f"{CHATML_START}{role}\n{content}{CHATML_END}\n" for role, content in conversation)}


def _openai(conversation: Conversation) -> Record:
    if all(turn.role != ASSISTANT for turn in conversation):
        raise Unsayable("openai needs something that the assistant says")
    return {"messages": [turn._asdict() for turn in conversation]}


_WORDS: Mapping[Target, tuple[Mapping[str, Cell], Callable[[Conversation], Record]]] = {
    Target.SHAREGPT: ({"conversations": Cell.SAID}, _sharegpt),
    Target.CHATML: ({"text": Cell.TEXT}, _chatml),
    Target.OPENAI: ({"messages": Cell.MESSAGES}, _openai),
}
