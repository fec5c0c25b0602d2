"""How busy an engine is, read from the metrics that vLLM exposes, and when that is too busy. Pure."""

import re
from dataclasses import dataclass

_RUNNING, _WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
_READ, _WRITTEN = "vllm:prompt_tokens_total", "vllm:generation_tokens_total"
_SAMPLE = re.compile(rf"^({_RUNNING}|{_WAITING}|{_READ}|{_WRITTEN})(?:\{{.*\}})? (\S+)", re.MULTILINE)
_ENGINES_OWN = re.compile(r"(?:# (?:HELP|TYPE) )?vllm:")
_TOLERATED_SHARE = 8
_SAMPLES_RUNNING = 2


@dataclass(frozen=True)
class EngineLoad:
    """Requests in the batch, requests that wait to get into it, and tokens read and written since the engine began."""

    running: int = 0
    waiting: int = 0
    tokens: int = 0


def load_of(exposition: str) -> EngineLoad:
    """The load of all engines behind one server taken together; what is not told counts as 0."""
    sums = dict.fromkeys((_RUNNING, _WAITING, _READ, _WRITTEN), 0.0)
    for name, value in _SAMPLE.findall(exposition):
        sums[name] += float(value)
    return EngineLoad(int(sums[_RUNNING]), int(sums[_WAITING]), int(sums[_READ] + sums[_WRITTEN]))


def own_metrics(exposition: str) -> str:
    """What is the engine's alone: its Python's and its process' metrics are called as the pod's are."""
    return "".join(line for line in exposition.splitlines(keepends=True) if _ENGINES_OWN.match(line))


def tolerated(running: int) -> int:
    """How many may wait: an engine takes the next request up when a batch of them is half done, not in between."""
    return max(1, running // _TOLERATED_SHARE)


class Backlog:
    """Tells a queue from requests that are just arriving: those are gone at the next look."""

    def __init__(self) -> None:
        self._long_looks = 0

    def is_long(self, load: EngineLoad) -> bool:
        """Take note of a look at the engine; whether more than tolerated waited in this and the one before."""
        self._long_looks = self._long_looks + 1 if load.waiting > tolerated(load.running) else 0
        return self._long_looks >= _SAMPLES_RUNNING
