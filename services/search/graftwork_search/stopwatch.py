"""How long a job was at work. Pure.

``budget.wall_seconds`` buys time at work: neither the time a person takes to answer a review nor the time
between the end of a job and its continuation counts.
"""

from datetime import datetime

from pydantic import BaseModel


class Stopwatch(BaseModel):
    """Runs since ``since``, unless that is None. ``starts`` tells alarms of this start from older ones."""

    since: datetime | None = None
    before_seconds: float = 0.0
    starts: int = 0

    def start(self, now: datetime) -> None:
        """Run from now on."""
        self.stop(now)
        self.since = now
        self.starts += 1

    def stop(self, now: datetime) -> None:
        """Stand still from now on."""
        self.before_seconds = self.seconds(now)
        self.since = None

    def seconds(self, now: datetime) -> float:
        """Time run so far."""
        if self.since is None:
            return self.before_seconds
        return self.before_seconds + max(0.0, (now - self.since).total_seconds())
