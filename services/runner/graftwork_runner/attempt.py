"""What the code of one session can ask for, and what it can report."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from graftwork.contracts.ids import digest
from graftwork.contracts.workflows import FailureReason
from graftwork.models.errors import TemplateRefused
from graftwork.models.templates import Template
from graftwork_runner.board import Answer
from graftwork_runner.board import Board
from graftwork_runner.errors import JsonRefused
from graftwork_runner.readable import readable
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits
from graftwork_runner.strict_json import parse_object

_LIMITS_OF_THE_INTERPRETER = frozenset({"MemoryError", "RecursionError"})


class ReplyKind(StrEnum):
    """How a call ended, as the code is told: all but the first are raised there."""

    ANSWERED = "answered"
    MISUSED = "misused"
    REFUSED = "refused"


@dataclass(frozen=True)
class Reply:
    """What the code gets back: an answer or a message, and fresh entropy for its ``random``."""

    kind: ReplyKind
    text: str
    entropy: str


@dataclass(frozen=True)
class Script:
    """What stays the same over the sessions of a chunk."""

    templates: Mapping[str, Template]
    entropy: str
    limits: Limits

    def entropy_of(self, *parts: object) -> str:
        """Seed for ``random`` that depends on the job and ``parts`` alone, whatever runs beside it."""
        return digest([self.entropy, *map(str, parts)])


class Attempt:
    """One session over ``seeds``. ``replay``: nothing new is asked and nothing is recorded.

    ``traces``: seed index -> lines of code in which it failed, from runtimes that tell at once.
    """

    def __init__(self, board: Board, script: Script, seeds: Sequence[SeedInput], *, replay: bool = False) -> None:
        self.seeds = seeds
        self.script = script
        self.traces: dict[int, str] = {}
        self._board = board
        self._replay = replay
        self._occurrences: Counter[str] = Counter()

    @property
    def ended(self) -> bool:
        """Whether nothing that still runs in the session can matter."""
        return self._board.failure is not None

    async def ask(self, index: int, name: str, variables: str, *, wants_json: bool) -> Reply | None:
        """Render the prompt and ask the model; ``variables`` is JSON text.

        None: the seed's fate is sealed (the grant is used up, it asks too often, the model plane failed). The
        code is not told but left waiting, so that no ``except`` in it can carry on as if nothing had happened.
        Nothing is kept of such calls: the code could go on making them, and fill our memory.
        """
        if self.ended or (not self._replay and index in self._board.outcomes):
            return None
        try:
            text = self._rendered(name, variables)
        except (JsonRefused, TemplateRefused) as error:
            return Reply(ReplyKind.MISUSED, readable(str(error)), self.script.entropy_of(index, name, variables))
        call = self._permitted(index, name, text, wants_json=wants_json)
        if call is None:
            return None
        answer = await self._board.answer(call)
        if answer is None:
            self._may_ask(index)
            return None
        kind, told = _told(call, answer, self.script.limits)
        return Reply(kind, told, self.script.entropy_of(index, name, text, call.occurrence))

    def succeeded(self, index: int, record: str) -> None:
        """The code returned this JSON text."""
        if len(record) > self.script.limits.output_chars:
            self.unfit(index, f"the record has {len(record):,} characters")
        elif not self._replay:
            self._board.succeed(index, record)

    def unfit(self, index: int, problem: str) -> None:
        """What the code returned is no JSON value."""
        self._fail(index, FailureReason.INVALID_OUTPUT, problem)

    def crashed(self, index: int, kind: str, message: str) -> None:
        """The code raised."""
        if self._board.was_refused(index, message):
            self._fail(index, FailureReason.MODEL_ERROR, message)
            return
        limit = kind in _LIMITS_OF_THE_INTERPRETER
        reason = FailureReason.LIMIT_EXCEEDED if limit else FailureReason.CRASHED
        self._fail(index, reason, f"{kind}: {message}" if message else kind)

    def _rendered(self, name: str, variables: str) -> str:
        limits = self.script.limits
        template = self.script.templates.get(name)
        if template is None:
            there = ", ".join(sorted(self.script.templates)) or "none"
            raise TemplateRefused(f"no prompt {readable(name, 80)!r}; the workflow has: {there}")
        given = parse_object(variables, JsonLimits(chars=4 * limits.prompt_chars))
        return template.render(given, max_chars=limits.prompt_chars)

    def _permitted(self, index: int, name: str, text: str, *, wants_json: bool) -> ModelCall | None:
        """The call, told apart from equal ones; None if it may not be made: then nothing is kept of it."""
        key = digest([index, name, text, wants_json])
        call = ModelCall(index, name, text, self._occurrences[key], wants_json)
        if not self._board.knows(call) and not self._may_ask(index):
            return None
        self._occurrences[key] += 1
        return call

    def _may_ask(self, index: int) -> bool:
        """Whether the seed may make a new call; if not, and it is for good, the seed has failed."""
        obstacle = self._board.obstacle(index)
        if obstacle is not None:
            self._fail(index, *obstacle)
        return obstacle is None and not self._replay

    def _fail(self, index: int, reason: FailureReason, detail: str) -> None:
        if not self._replay:
            self._board.fail(index, reason, detail)


def _told(call: ModelCall, answer: Answer, limits: Limits) -> tuple[ReplyKind, str]:
    if answer.refused:
        return ReplyKind.REFUSED, answer.text
    if not call.wants_json:
        return ReplyKind.ANSWERED, answer.text
    try:
        parse_object(answer.text, JsonLimits(chars=limits.output_chars))
    except JsonRefused as error:
        return ReplyKind.MISUSED, readable(f"the answer to prompt {call.prompt!r} is not a JSON object: {error}")
    return ReplyKind.ANSWERED, answer.text
