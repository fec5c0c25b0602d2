"""One session with a worker of CPython: see ``Session``.

Orders and messages take turns: an order is followed by any number of messages, the last of which says that the worker
is at rest, or has ended. So it is always known whether it computes or waits for us.
"""

import asyncio
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from graftwork.contracts.workflows import FailureReason
from graftwork_runner.attempt import Attempt
from graftwork_runner.calls import Call
from graftwork_runner.calls import Calls
from graftwork_runner.cpython import messages
from graftwork_runner.cpython.errors import ProtocolBroken
from graftwork_runner.cpython.errors import WorkerLost
from graftwork_runner.cpython.process import WorkerProcess
from graftwork_runner.cpython.watch import Watch
from graftwork_runner.faults import ASKED_ON
from graftwork_runner.faults import NO_ENTRY_POINT
from graftwork_runner.faults import TRACE_CHARS
from graftwork_runner.faults import Fault
from graftwork_runner.faults import frame_line
from graftwork_runner.readable import readable
from graftwork_runner.sandbox import Limits
from graftwork_runner.sessions import Loading

MAX_CODE_CHARS = 200_000
_LIMITS_OF_THE_INTERPRETER = frozenset({"MemoryError", "RecursionError"})
_TIME_TO_TELL_WHERE = 0.8
_Closing = messages.Loaded | messages.Faulted | messages.Rest | messages.Ended


class CPythonSession:
    """A worker that was greeted, for one attempt at ``seeds`` seeds with that entropy."""

    def __init__(self, worker: WorkerProcess, limits: Limits, seeds: int, entropy: str) -> None:
        self._worker = worker
        self._limits = limits
        self._entropy = entropy
        self._verdict: Fault | None = None
        self._where: Sequence[messages.Line] = ()
        self._code = ""
        self._messages_left = limits.messages(seeds)
        self._most_bytes = messages.most_bytes(limits)
        self._watch = Watch(limits, seeds, cpu=worker.cpu_seconds, expire=self._expire)

    async def load(self, code: str, *, check: bool) -> Loading:  # noqa: ARG002 (nothing is checked without being run)
        """See ``Session``. The code is parsed by the worker alone."""
        if len(code) > MAX_CODE_CHARS:
            return _unloadable(f"the code has {len(code):,} characters; at most {MAX_CODE_CHARS:,} are allowed")
        self._code = code
        try:
            said = await self._turn(self._load_order(code), None)
        except WorkerLost as lost:
            return Loading(lost.fault)
        if isinstance(said, messages.Faulted):
            return Loading(self._fault_of(said))
        if not isinstance(said, messages.Loaded):
            return Loading(_broken("it did not say how loading went"))
        return Loading() if said.entry_point else _unloadable(NO_ENTRY_POINT)

    async def run(self, attempt: Attempt) -> Fault | None:
        """See ``Session``."""
        async with asyncio.TaskGroup() as group:
            run = _Run(attempt, Calls(attempt, group), self)
            try:
                return await self._drive(run)
            except WorkerLost as lost:
                return lost.fault
            finally:
                run.calls.close()

    async def run_uncaught(self, attempt: Attempt) -> Fault | None:
        """See ``Session``."""
        fault = await self.run(attempt)
        traces = [*attempt.traces.values()]
        if fault is not None or not traces:
            return fault
        return Fault(FailureReason.CRASHED, traces[0].splitlines()[-1], traces[0])

    def trace(self, lines: Sequence[messages.Line], detail: str) -> str:
        """Lines of the code and what went wrong in the last of them; the worker is believed their numbers alone."""
        source = self._code.splitlines()
        shown = (frame_line(n, name, source[n - 1] if 0 < n <= len(source) else "") for n, name in lines)
        return readable("\n".join([*(line for line, _ in groupby(shown)), detail]), TRACE_CHARS)

    async def _drive(self, run: "_Run") -> Fault | None:
        works = [[seed.index, dict(seed.values)] for seed in run.attempt.seeds]
        said = await self._turn({"do": "run", "works": works}, run)
        while isinstance(said, messages.Rest):
            call = await run.calls.next_due(run.pending)
            if call is not None:
                said = await self._turn(_answer(call), run)
            elif said.timers and not run.attempt.ended:
                said = await self._turn({"do": "tick"}, run)
            else:
                break
        if isinstance(said, messages.Faulted):
            return self._fault_of(said)
        if isinstance(said, messages.Loaded):
            return _broken("it loads again")
        return None

    async def _turn(self, order: Mapping[str, Any], run: "_Run | None") -> _Closing:
        """Give an order and listen until the worker is at rest. Raises ``WorkerLost``."""
        self._where = ()
        try:
            with self._watch:
                await self._worker.tell(order)
                while True:
                    said = await self._hear()
                    if isinstance(said, _Closing):
                        return said
                    self._note(said, run)
        except (ProtocolBroken, WorkerLost) as error:
            if self._verdict is not None:  # whatever a worker that was ended half-way may still have said
                raise WorkerLost(self._verdict) from None
            if isinstance(error, ProtocolBroken):
                raise WorkerLost(_broken(str(error))) from error
            raise

    async def _hear(self) -> messages.AnyMessage:
        self._messages_left -= 1
        if self._messages_left < 0:
            raise WorkerLost(Fault(FailureReason.LIMIT_EXCEEDED, ASKED_ON, ASKED_ON))
        return await self._worker.hear(self._most_bytes)

    def _note(self, said: messages.AnyMessage, run: "_Run | None") -> None:
        if isinstance(said, messages.Where):
            self._where = said.lines
        elif run is None:
            raise ProtocolBroken(f"{said.type!r} while loading")
        else:
            run.take(said)

    def _expire(self, limit: str) -> None:
        """End the worker, which ends the turn."""
        detail = f"TimeoutError: {limit}"
        self._verdict = Fault(FailureReason.TIMED_OUT, detail, self.trace(self._where, detail))
        self._worker.kill()

    def _fault_of(self, said: messages.Faulted) -> Fault:
        reason = FailureReason.LIMIT_EXCEEDED if said.kind in _LIMITS_OF_THE_INTERPRETER else FailureReason.CRASHED
        detail = readable(named(said.kind, said.message))
        return Fault(reason, detail, self.trace(said.lines, detail))

    def _load_order(self, code: str) -> dict[str, Any]:
        limits = self._limits
        return {
            "do": "load",
            "code": code,
            "entropy": self._entropy,
            "recursion_depth": limits.recursion_depth,
            "print_bytes": limits.print_bytes,
            "output_chars": limits.output_chars,
            "turn_seconds": _TIME_TO_TELL_WHERE * limits.turn_seconds,
        }


class _Run:
    """What an attempt's worker asks for and reports."""

    def __init__(self, attempt: Attempt, calls: Calls, session: CPythonSession) -> None:
        self.attempt = attempt
        self.calls = calls
        self.pending: set[int] = set()
        self._session = session
        self._last_call = -1
        self._seeds = frozenset(seed.index for seed in attempt.seeds)
        self._unsettled = set(self._seeds)

    def take(self, said: messages.AnyMessage) -> None:
        """Raises ``ProtocolBroken``."""
        match said:
            case messages.Begin(call=call, seed=seed):
                self._new_call(call, seed)
                self.calls.begin(seed, call)
            case messages.Ask(call=call, seed=seed):
                self._new_call(call, seed)
                self.calls.ask(seed, call, said.name, said.variables, wants_json=said.wants_json)
            case messages.Dropped(call=call):
                self.pending.discard(call)
            case messages.Done() | messages.Unfit() | messages.Failed():
                self._settle(said)
            case _:
                raise ProtocolBroken(f"{said.type!r} while running")

    def _new_call(self, call: int, seed: int) -> None:
        if call <= self._last_call or seed not in self._seeds:
            raise ProtocolBroken(f"call {call} for seed {seed}")
        self._last_call = call
        self.pending.add(call)

    def _settle(self, said: messages.Done | messages.Unfit | messages.Failed) -> None:
        if said.seed not in self._unsettled:
            raise ProtocolBroken(f"{said.type!r} of seed {said.seed}")
        self._unsettled.remove(said.seed)
        if isinstance(said, messages.Done):
            self.attempt.succeeded(said.seed, said.record)
        elif isinstance(said, messages.Unfit):
            self.attempt.unfit(said.seed, said.problem)
        else:
            detail = readable(named(said.kind, said.message))
            self.attempt.traces[said.seed] = self._session.trace(said.lines, detail)
            self.attempt.crashed(said.seed, said.kind, said.message)


def named(kind: str, message: str) -> str:
    """An exception in one line."""
    return f"{kind}: {message}" if message else kind


def _answer(call: Call) -> dict[str, Any]:
    reply = call.reply
    told = {"kind": reply.kind.value, "text": reply.text, "entropy": reply.entropy}
    return {"do": "answer", "call": call.call_id, **told}


def _broken(how: str) -> Fault:
    told = readable(f"the worker broke the protocol, as only code that tampers with it can: {how}")
    return Fault(FailureReason.CRASHED, told, told)


def _unloadable(detail: str) -> Loading:
    return Loading(Fault(FailureReason.CRASHED, detail, detail))
