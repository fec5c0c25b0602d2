"""Which call fails how, and what its text then looks like."""

import json
from collections import deque
from collections.abc import Iterable
from typing import Any

from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.script import ANY_ROLE
from tests.support.scripted_model.script import Behaviour
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.script import Planned

_BEYOND = 10


class Plan:
    """The planned faults that are still to happen, in the order they were asked for."""

    def __init__(self, planned: Iterable[Planned] = ()) -> None:
        self._waiting: deque[Planned] = deque(planned)

    def add(self, planned: Iterable[Planned]) -> None:
        """Append to the plan."""
        self._waiting.extend(planned)

    def take(self, role: str) -> Fault | None:
        """The next planned fault that a call of ``role`` can show, used up by it."""
        for place, planned in enumerate(self._waiting):
            if planned.role in {role, ANY_ROLE} and planned.fault.suits(role):
                if planned.count == 1:
                    del self._waiting[place]
                else:
                    self._waiting[place] = planned.model_copy(update={"count": planned.count - 1})
                return planned.fault
        return None

    @property
    def waiting(self) -> tuple[Planned, ...]:
        """What has not happened yet."""
        return tuple(self._waiting)


def drawn(behaviour: Behaviour, role: str, draws: Draws) -> Fault | None:
    """The fault that the rates give this call, or None. Each rate is drawn on its own; the first wins."""
    for fault in Fault:
        rate = behaviour.rates.get(fault, 0.0)
        if rate and fault.suits(role) and draws.share("fault", fault) < rate:
            return fault
    return None


def spoilt(content: str, fault: Fault | None) -> tuple[str, str]:
    """Content and finish reason of a completion that fails in ``fault``'s way."""
    if fault is Fault.EMPTY:
        return "", "stop"
    if fault is Fault.TRUNCATED:
        return content[: len(content) // 2], "length"
    if fault is Fault.MALFORMED:
        return content.replace('":', '" =', 1)[:-1] + ",", "stop"
    if fault is Fault.PROSE:
        return f"Certainly! Here is the answer you asked for:\n```json\n{content}\n```\nI hope it helps.", "stop"
    if fault is Fault.OUT_OF_RANGE:
        return json.dumps(_beyond(json.loads(content))), "stop"
    return content, "stop"


def _beyond(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _beyond(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_beyond(below) for below in value]
    return value + _BEYOND if isinstance(value, int) else value
