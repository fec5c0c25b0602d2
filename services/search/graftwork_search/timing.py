"""Clocks of a job, kept as tasks that become due."""

from datetime import timedelta

from graftwork_search.session import JobSession
from graftwork_search.work import WallClock


def start_clock(session: JobSession, seconds: float, *, search_only: bool) -> None:
    """End the search, or the job, ``seconds`` from now."""
    clock = WallClock(job_id=session.job.id, request_id=session.job.id, search_only=search_only)
    session.tx.enqueue(clock, not_before=session.tx.now + timedelta(seconds=seconds))
