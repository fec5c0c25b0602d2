"""Clocks of a job, kept as tasks that become due."""

from datetime import timedelta

from graftwork_search.budget import SEARCH_SHARE
from graftwork_search.session import JobSession
from graftwork_search.work import WallClock

TIME_USED_UP = "the search's half of the time is used up"


def start_clocks(session: JobSession) -> None:
    """Let the job's time run. Alarms set at an earlier start mean nothing any more."""
    session.job.clock.start(session.tx.now)
    limit = session.spec.budget.wall_seconds
    if limit is not None:
        _set_alarm(session, limit * SEARCH_SHARE, search_only=True)
        _set_alarm(session, limit, search_only=False)


def stop_clocks(session: JobSession) -> None:
    """Let the job's time stand still."""
    session.job.clock.stop(session.tx.now)


def search_is_late(session: JobSession) -> bool:
    """Whether the search's half of the time is over; its alarm finds nothing to end while there is only a root."""
    limit = session.spec.budget.wall_seconds
    return limit is not None and session.job.clock.seconds(session.tx.now) >= limit * SEARCH_SHARE


def _set_alarm(session: JobSession, seconds: float, *, search_only: bool) -> None:
    clock, now = session.job.clock, session.tx.now
    left = timedelta(seconds=max(0.0, seconds - clock.seconds(now)))
    job_id = session.job.id
    alarm = WallClock(job_id=job_id, request_id=job_id, search_only=search_only, start=clock.starts)
    session.tx.enqueue(alarm, not_before=now + left)
