"""Pods in front of real models, alike but for their backend."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from graftwork.models.client import SolverClient
from tests.support import vllm
from tests.support.pod_process import PodProcess
from tests.support.pod_process import pod_process
from tests.support.pods import client_at

WEAK_PROMPT = "You answer in one word."
WEAK_SAMPLING = {"temperature": 0.0, "max_tokens": 6}
CANARY_SECONDS = 8


@dataclass(frozen=True)
class Backend:
    """A pod, and in what its backend differs from others.

    Attributes:
        pod: with the pools ``generator``, ``weak`` (fixed) and ``endless`` (no answer ends by itself, but at a limit).
        model: what the pools serve by default.
        refuses_patterns: whether a pattern that it cannot compile is refused, or else not obeyed.
        embeds: whether it embeds beside chatting.
        has_meters: whether the engine's own metrics are among the pod's.
        adapter: a LoRA adapter on the list of ``generator``.
    """

    pod: PodProcess
    model: str
    refuses_patterns: bool
    embeds: bool
    has_meters: bool
    adapter: str | None = None

    def client(self) -> SolverClient:
        """A client of the pod that waits for it while it is away."""
        return client_at(self.pod.grpc_address, unavailable_attempts=999)


@contextmanager
def openai_backend(base_url: str, model: str) -> Iterator[Backend]:
    """A pod in front of llama.cpp's server, which takes no larger ``n`` than it has slots, and counts but one text."""
    with pod_process({"OPENAI_BASE_URL": base_url, **_pools(omit=["n"])}) as pod:
        yield Backend(pod, model, refuses_patterns=False, embeds=True, has_meters=False)


@contextmanager
def vllm_backend(*, on_gpu: bool = False) -> Iterator[Backend]:
    """A pod that owns a vLLM."""
    adapter = vllm.ADAPTER_NAME if vllm.has_adapter() else None
    with pod_process({**vllm.engine_environment(on_gpu=on_gpu), **_pools(models=[adapter] if adapter else [])}) as pod:
        pod.heard("engine.state", state="serving", seconds=vllm.START_SECONDS)
        yield Backend(pod, vllm.SERVED, refuses_patterns=True, embeds=False, has_meters=True, adapter=adapter)


def _pools(**generator: list[str]) -> dict[str, str]:
    pools = {
        "generator": generator,
        "weak": {**generator, "prompt": WEAK_PROMPT, "fixed": True, "sampling": WEAK_SAMPLING},
        "endless": {**generator, "extra_body": {"ignore_eos": True}},
    }
    return {
        "GRAFTWORK_SOLVERS_POOLS": json.dumps(pools),
        "GRAFTWORK_SOLVERS_PROBE_SECONDS": "1",
        "GRAFTWORK_SOLVERS_CANARY_SECONDS": str(CANARY_SECONDS),
        "GRAFTWORK_SOLVERS_CANARY_LONGEST_SECONDS": "10",
        "GRAFTWORK_SOLVERS_FIRST_CONCURRENCY": "16",
        "GRAFTWORK_DRAIN_SECONDS": "240",  # however slow the machine, a call under way shall end in it
    }
