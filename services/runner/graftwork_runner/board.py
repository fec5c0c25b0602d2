"""What is known of a chunk while it runs: outcomes, answers, calls in flight.

A ``Board`` outlives the sessions of its chunk and remembers every answer, so that seeds which have to
run again in a fresh session ask for nothing twice.
"""

import asyncio
from collections import Counter
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from graftwork.contracts.workflows import FailureReason
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import GrantExhausted
from graftwork.kit.errors import ModelRefused
from graftwork_runner.readable import readable
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import Outcome
from graftwork_runner.sandbox import SeedInput


@dataclass(frozen=True)
class Answer:
    """Text of the model, or why it refused."""

    text: str
    refused: bool = False


class Board:
    """Outcomes, answers and calls of one chunk. ``group`` owns the calls in flight.

    ``failure``: an error of the model plane that ends the whole chunk.
    """

    def __init__(self, ask: AskModel, *, calls_per_sample: int, group: asyncio.TaskGroup) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.failure: GraftworkError | None = None
        self._ask = ask
        self._calls_per_sample = calls_per_sample
        self._group = group
        self._answers: dict[ModelCall, asyncio.Task[Answer | None]] = {}
        self._calls: Counter[int] = Counter()
        self._said: defaultdict[int, set[str]] = defaultdict(set)
        self._refusals: set[tuple[int, str]] = set()
        self._exhausted: str | None = None

    def unfinished(self, seeds: Iterable[SeedInput]) -> list[SeedInput]:
        """Those without an outcome."""
        return [seed for seed in seeds if seed.index not in self.outcomes]

    def succeed(self, index: int, record: str) -> None:
        """Keep the JSON text that the code returned."""
        made = Outcome(index, record=record, calls=self._calls[index], said=frozenset(self._said[index]))
        self.outcomes.setdefault(index, made)

    def fail(self, index: int, reason: FailureReason, detail: str) -> None:
        """Give the seed up, unless it has an outcome."""
        failed = Outcome(index, reason=reason, detail=readable(detail), calls=self._calls[index])
        self.outcomes.setdefault(index, failed)

    def fail_all(self, seeds: Iterable[SeedInput], reason: FailureReason, detail: str) -> None:
        """Give up what has no outcome yet."""
        for seed in seeds:
            self.fail(seed.index, reason, detail)

    def was_refused(self, index: int, message: str) -> bool:
        """Whether ``message`` is a refusal of the model that this seed was told."""
        return (index, message) in self._refusals

    def knows(self, call: ModelCall) -> bool:
        """Whether this call was made before."""
        return call in self._answers

    def obstacle(self, index: int) -> tuple[FailureReason, str] | None:
        """Why this seed may not make another call, if so."""
        if self._exhausted is not None:
            return FailureReason.GRANT_EXHAUSTED, self._exhausted
        if self._calls[index] >= self._calls_per_sample:
            return FailureReason.LIMIT_EXCEEDED, f"more than {self._calls_per_sample} model calls for one record"
        return None

    async def answer(self, call: ModelCall) -> Answer | None:
        """Answer, asking once per call and chunk. None: the grant or the model plane gave out."""
        task = self._answers.get(call)
        if task is None:
            self._calls[call.seed_index] += 1
            task = self._answers[call] = self._group.create_task(self._make(call))
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait for the calls in flight: they are paid for, and their answers belong in the journal."""
        if self._answers:
            await asyncio.wait(self._answers.values())

    def cancel_calls(self) -> None:
        """End the calls that nobody waits for any more."""
        for task in self._answers.values():
            task.cancel()

    async def _make(self, call: ModelCall) -> Answer | None:
        try:
            answer = Answer(await self._ask(call))
        except ModelRefused as error:
            message = readable(f"the model refused prompt {call.prompt!r}: {error}")
            self._refusals.add((call.seed_index, message))
            return Answer(message, refused=True)
        except GrantExhausted as error:
            self._exhausted = str(error)
        except GraftworkError as error:
            self.failure = self.failure or error
        else:
            self._said[call.seed_index].add(answer.text)
            return answer
        return None
