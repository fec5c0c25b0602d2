"""What the server saw: calls per role, in flight, tokens, and requests it was asked to answer twice."""

from collections import Counter
from collections import deque
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from tests.support.scripted_model.script import Fault

KEPT_REQUESTS = 500


@dataclass(slots=True)
class RoleStats:
    """Counts of one role. ``answered``: a completion was sent; ``repeated``: the same one was sent before."""

    calls: int = 0
    answered: int = 0
    repeated: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    faults: dict[str, int] = field(default_factory=dict)

    def enter(self) -> None:
        """A call arrived."""
        self.calls += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)


class Stats:
    """Counts since the start or the last reset."""

    def __init__(self) -> None:
        self.total = RoleStats()
        self.roles: dict[str, RoleStats] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)
        self._seen: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()

    def enter(self, role: str, digest: str) -> int:
        """A call arrived; returns how often the same request came before."""
        for stats in self._both(role):
            stats.enter()
        self._seen[digest] += 1
        return self._seen[digest] - 1

    def leave(self, role: str) -> None:
        """The call is over, well or not."""
        for stats in self._both(role):
            stats.in_flight -= 1

    def answered(self, role: str, digest: str, prompt_tokens: int, completion_tokens: int) -> None:
        """A completion was sent, and would have been paid for."""
        repeated = int(self._answered[digest] > 0)
        self._answered[digest] += 1
        for stats in self._both(role):
            stats.answered += 1
            stats.repeated += repeated
            stats.prompt_tokens += prompt_tokens
            stats.completion_tokens += completion_tokens

    def failed(self, role: str, fault: Fault) -> None:
        """A fault was shown."""
        for stats in self._both(role):
            stats.faults[fault.value] = stats.faults.get(fault.value, 0) + 1

    def in_flight(self, role: str) -> int:
        """Calls of ``role`` being served, this one included."""
        return self._of(role).in_flight

    def report(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {**asdict(self.total), "roles": {role: asdict(stats) for role, stats in sorted(self.roles.items())}}

    def _of(self, role: str) -> RoleStats:
        return self.roles.setdefault(role, RoleStats())

    def _both(self, role: str) -> tuple[RoleStats, RoleStats]:
        return self.total, self._of(role)
