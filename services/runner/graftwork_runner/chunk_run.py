"""Brings every seed of a chunk to an outcome, whatever the workflow does to its sessions."""

import asyncio
from collections import deque
from collections.abc import Sequence

from graftwork.contracts.workflows import FailureReason
from graftwork.models.errors import TemplateRefused
from graftwork.models.templates import Template
from graftwork_runner.attempt import Attempt
from graftwork_runner.attempt import Script
from graftwork_runner.board import Board
from graftwork_runner.faults import STUCK
from graftwork_runner.faults import Fault
from graftwork_runner.metrics import SESSIONS
from graftwork_runner.readable import readable
from graftwork_runner.reports import advice
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import Outcome
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.sessions import Checkout
from graftwork_runner.sessions import Session

_RAISED = frozenset({FailureReason.CRASHED, FailureReason.LIMIT_EXCEEDED})
_STUCK = Fault(FailureReason.CRASHED, STUCK, STUCK)


async def run_chunk(chunk: Chunk, ask: AskModel, limits: Limits, checkout: Checkout) -> ChunkResult:
    """Run a chunk in sessions of ``checkout``; see ``Runtime.run``."""
    try:
        templates = {name: Template(name, source) for name, source in chunk.workflow.prompts.items()}
    except TemplateRefused as error:
        return _all_crashed(chunk, str(error))
    try:
        async with asyncio.TaskGroup() as calls:
            board = Board(ask, calls_per_sample=limits.calls_per_sample, group=calls)
            script = Script(templates, chunk.entropy, limits)
            result = await ChunkRun(chunk, board, script, checkout).finish()
            if board.failure is not None:
                await board.drain()
            board.cancel_calls()
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors
    if board.failure is not None:
        raise board.failure
    return result


class ChunkRun:
    """One run of a chunk over as many sessions as it takes."""

    def __init__(self, chunk: Chunk, board: Board, script: Script, checkout: Checkout) -> None:
        self._chunk = chunk
        self._board = board
        self._script = script
        self._checkout = checkout
        self._lost = 0
        self._checked = False
        self._doubts = ""
        self._traces: dict[int, str] = {}

    async def finish(self) -> ChunkResult:
        """Run until every seed has its outcome, the time is over, or the model plane fails (see the board)."""
        seeds, board = self._chunk.seeds, self._board
        try:
            async with asyncio.timeout(self._chunk.seconds):
                await self._run_all()
                await self._explain()
        except TimeoutError:
            late = f"not finished within the {self._chunk.seconds:g} s given to the chunk"
            board.fail_all(seeds, FailureReason.TIMED_OUT, late)
        outcomes = tuple(board.outcomes[seed.index] for seed in seeds if seed.index in board.outcomes)
        return ChunkResult(outcomes, self._first_trace())

    async def _run_all(self) -> None:
        size = self._script.limits.session_seeds
        seeds = self._chunk.seeds
        queue = deque(seeds[start : start + size] for start in range(0, len(seeds), size))
        while queue and self._board.failure is None:
            group = queue.popleft()
            fault = await self._run_group(group)
            left = self._board.unfinished(group)
            if fault is None:
                # Nothing is under way any more, and yet they are not through: on a call of another seed's, say.
                self._blame(left, _STUCK)
                continue
            if not left:
                continue
            self._lost += 1
            if len(left) == 1 or self._lost > self._script.limits.sessions_lost:
                self._blame(left, fault)
            else:
                half = (len(left) + 1) // 2
                queue.extendleft([left[half:], left[:half]])

    async def _run_group(self, seeds: Sequence[SeedInput]) -> Fault | None:
        """Run ``seeds`` in one session; return what ended it early, if anything did."""
        if not self._board.unfinished(seeds):
            return None
        attempt = Attempt(self._board, self._script, seeds)
        async with self._checkout(len(seeds), self._chunk.entropy) as session:
            loaded = await self._loaded(session)
            fault = await session.run(attempt) if loaded else None
        self._traces.update(attempt.traces)
        SESSIONS.labels("ended" if fault is None else "lost").inc()
        return fault

    async def _loaded(self, session: Session) -> bool:
        """Load the workflow, or give all seeds up because it cannot be loaded."""
        loading = await session.load(self._chunk.workflow.code, check=not self._checked)
        self._checked, self._doubts = True, self._doubts or loading.doubts
        if loading.fault is not None:
            self._blame(self._chunk.seeds, loading.fault)
        return loading.fault is None

    def _blame(self, seeds: Sequence[SeedInput], fault: Fault) -> None:
        for seed in self._board.unfinished(seeds):
            self._board.fail(seed.index, fault.reason, fault.detail)
            self._traces[seed.index] = fault.trace

    async def _explain(self) -> None:
        """Run the first seed that raised once more, alone and uncaught, for the lines of code it failed in."""
        first = self._first_failed()
        if first is None or first.index in self._traces or self._board.outcomes[first.index].reason not in _RAISED:
            return
        attempt = Attempt(self._board, self._script, [first], replay=True)
        async with self._checkout(1, self._chunk.entropy) as session:
            await session.load(self._chunk.workflow.code, check=False)
            fault = await session.run_uncaught(attempt)
        if fault is not None:
            self._traces[first.index] = fault.trace

    def _first_failed(self) -> SeedInput | None:
        outcomes = self._board.outcomes
        failed = (seed for seed in self._chunk.seeds if seed.index in outcomes and outcomes[seed.index].reason)
        return next(failed, None)

    def _first_trace(self) -> str | None:
        first = self._first_failed()
        if first is None:
            return None
        outcome = self._board.outcomes[first.index]
        trace = self._traces.get(first.index, outcome.detail)
        return advice(trace, self._doubts) if outcome.reason in _RAISED else trace


def _all_crashed(chunk: Chunk, detail: str) -> ChunkResult:
    outcomes = (Outcome(seed.index, reason=FailureReason.CRASHED, detail=readable(detail)) for seed in chunk.seeds)
    return ChunkResult(tuple(outcomes), readable(detail))


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
