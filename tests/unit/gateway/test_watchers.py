import asyncio
from collections.abc import Mapping
from collections.abc import Sequence

import pytest
from pymongo.errors import AutoReconnect

from graftwork.kit.clock import FakeClock
from graftwork_gateway.watchers import Watchers

FAR = 3600.0


async def test_a_ring_wakes_every_stream_of_the_job_and_no_other() -> None:
    watchers = Watchers()
    with watchers.watching("a") as one, watchers.watching("a") as two, watchers.watching("b") as other:
        waits = [asyncio.create_task(bell.wait(FAR)) for bell in (one, two, other)]
        watchers.ring("a")
        await asyncio.wait(waits[:2])

        assert [wait.done() for wait in waits] == [True, True, False]

        watchers.ring("b")
        await asyncio.wait(waits)


async def test_a_ring_before_the_wait_is_not_lost() -> None:
    watchers = Watchers()
    with watchers.watching("a") as bell:
        watchers.ring("a")
        async with asyncio.timeout(5):
            await bell.wait(FAR)


def test_jobs_are_forgotten_with_their_last_stream() -> None:
    watchers = Watchers()
    with watchers.watching("a"), watchers.watching("b"):
        with watchers.watching("a"):
            assert sorted(watchers.jobs) == ["a", "b"]
        assert sorted(watchers.jobs) == ["a", "b"]

    assert watchers.jobs == ()


async def test_what_other_replicas_admitted_is_noticed_and_an_outage_survived() -> None:
    watchers = Watchers()
    answers: list[Mapping[str, int] | Exception] = [{"a": 1}, AutoReconnect("away"), {"a": 1}, {"a": 2}]
    rung: list[int] = []
    asked: list[Sequence[str]] = []

    async def counts(jobs: Sequence[str]) -> Mapping[str, int]:
        asked.append(jobs)
        if not answers:
            raise asyncio.CancelledError
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    class Recorder(Watchers):
        def ring(self, job_id: str) -> None:
            rung.append(len(asked))
            super().ring(job_id)

    watchers = Recorder()
    with watchers.watching("a"), pytest.raises(asyncio.CancelledError):
        await watchers.follow(counts, FakeClock(), 1.0)

    assert asked == [("a",)] * 5
    assert rung == [1, 4, 5]  # the first look, the change, and the end
    assert watchers.closed


async def test_nobody_is_asked_while_nobody_listens() -> None:
    watchers = Watchers()
    ticks = 0

    class Ticking(FakeClock):
        async def sleep(self, seconds: float) -> None:
            nonlocal ticks
            ticks += 1
            if ticks > 3:
                raise asyncio.CancelledError
            await super().sleep(seconds)

    async def counts(jobs: Sequence[str]) -> Mapping[str, int]:
        raise AssertionError(jobs)

    with pytest.raises(asyncio.CancelledError):
        await watchers.follow(counts, Ticking(), 1.0)

    assert watchers.closed
