"""Who waits for which job in this process, and how they are woken."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from graftwork.kit.clock import Clock
from graftwork.kit.doorbell import Doorbell
from graftwork.kit.logging import get_logger
from graftwork_gateway import metrics

log = get_logger(__name__)
Counts = Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]


class Watchers:
    """One bell per stream; a ring for a job wakes all streams of it."""

    def __init__(self) -> None:
        self._bells: dict[str, set[Doorbell]] = {}
        self.closed = False

    @property
    def jobs(self) -> Sequence[str]:
        """Jobs that somebody follows."""
        return tuple(self._bells)

    @contextmanager
    def watching(self, job_id: str) -> Iterator[Doorbell]:
        """A bell that rings for news of the job, from now on."""
        bell = Doorbell()
        bells = self._bells.setdefault(job_id, set())
        bells.add(bell)
        metrics.STREAMS_OPEN.inc()
        try:
            yield bell
        finally:
            metrics.STREAMS_OPEN.dec()
            bells.discard(bell)
            if not bells:
                self._bells.pop(job_id, None)

    def ring(self, job_id: str) -> None:
        """Wake the streams of a job."""
        for bell in self._bells.get(job_id, ()):
            bell.ring()

    def close(self) -> None:
        """Let all streams send what there is, and end."""
        self.closed = True
        for job_id in self.jobs:
            self.ring(job_id)

    async def follow(self, counts: Counts, clock: Clock, every_seconds: float) -> None:
        """Ring for what other replicas admitted, until cancelled; then close, so that no stream delays the end.

        One query for all streams of the process: ``counts`` gives job -> number of events.
        """
        known: Mapping[str, int] = {}
        try:
            while True:
                await clock.sleep(every_seconds)
                known = await self._ring_changed(counts, known)
        finally:
            self.close()

    async def _ring_changed(self, counts: Counts, known: Mapping[str, int]) -> Mapping[str, int]:
        if not self._bells:
            return {}
        try:
            now = await counts(self.jobs)
        except PyMongoError as error:
            log.warning("ledger.unreachable", error=str(error))
            return known
        for job_id, count in now.items():
            if known.get(job_id) != count:
                self.ring(job_id)
        return now
