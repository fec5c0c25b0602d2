"""Ids of jobs: sortable by time of submission, impossible to guess."""

from collections.abc import Callable
from datetime import datetime

_RANDOM_BYTES = 10


def new_job_id(now: datetime, random_bytes: Callable[[int], bytes]) -> str:
    """``job-`` + 48 bits of milliseconds + 80 random bits, in hex."""
    milliseconds = int(now.timestamp() * 1000)
    return f"job-{milliseconds:012x}{random_bytes(_RANDOM_BYTES).hex()}"
