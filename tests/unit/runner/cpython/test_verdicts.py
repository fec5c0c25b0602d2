"""What is said of a session that was ended, and of one that could not be followed by another."""

import pytest

from graftwork.contracts.workflows import FailureReason
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.cpython.errors import ProtocolBroken
from graftwork_runner.cpython.session import CPythonSession
from graftwork_runner.errors import SandboxDown
from graftwork_runner.sandbox import Limits
from tests.support.walls import needs_bwrap
from tests.support.workflow_bench import Bench

CODE = "async def workflow(ctx, seed):\n    return {'text': await ctx.llm('draft', topic=1)}\n"


class CutOff:
    """A worker that is ended in the middle of a message, or breaks the protocol of itself."""

    def __init__(self, *, late: bool) -> None:
        self.killed = False
        self._late = late
        self.session: CPythonSession

    def cpu_seconds(self) -> float:
        return 0.0

    def kill(self) -> None:
        self.killed = True

    async def tell(self, _order: object) -> None:
        """It listens."""

    async def hear(self, _most_bytes: int) -> object:
        if self._late:
            self.session._expire("too long")
        raise ProtocolBroken("half a message")


@pytest.mark.parametrize(
    ("late", "reason", "detail"),
    [
        (True, FailureReason.TIMED_OUT, "TimeoutError: too long"),
        (False, FailureReason.CRASHED, "half a message"),
    ],
)
async def test_what_a_worker_says_once_its_time_is_over_does_not_hide_that_it_was(
    *, late: bool, reason: FailureReason, detail: str
) -> None:
    worker = CutOff(late=late)
    worker.session = CPythonSession(worker, Limits(), 1, "entropy")  # type: ignore[arg-type]
    fault = (await worker.session.load(CODE, check=False)).fault
    assert fault is not None
    assert (fault.reason, worker.killed) == (reason, late)
    assert fault.detail.endswith(detail)


@needs_bwrap
async def test_a_spare_that_cannot_be_started_costs_the_session_nothing_and_the_next_one_is_told(bench: Bench) -> None:
    runtime = bench.runtime
    assert isinstance(runtime, CPythonRuntime)
    runtime._command = ("/nowhere",)  # a spare waits already, from the start
    result = await bench.run(CODE, seeds=[{}])
    assert [outcome.reason for outcome in result.outcomes] == [None]
    with pytest.raises(SandboxDown, match="no worker of the runtime cpython can be started"):
        await bench.run(CODE, seeds=[{}])
