"""The engine's command line, environment and identity. Pure."""

import shlex
from collections.abc import Mapping
from typing import Any

from graftwork.contracts.ids import digest
from graftwork.kit.telemetry import exporter_of
from graftwork_solvers.engine.settings import EngineSettings

# Prompts share their beginnings: roles, seeds and workflows go before what changes from call to call.
_GENERATES = ("--enable-prefix-caching",)
# The access log would tell again, in other words, what the pod's own metrics tell of every call.
_ALWAYS = ("--disable-uvicorn-access-log",)
# To end its processes, once the last request is over.
_TEARDOWN_SECONDS = 5.0
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_LOGGING_COLOR": "0", "PYTHONUNBUFFERED": "1"}
_NOT_THE_ENGINES = ("GRAFTWORK_", "OPENAI_")
# It would have the engine ask for a key, on a socket that only the pod can reach.
_LOCKS = "VLLM_API_KEY"


def engine_command(settings: EngineSettings, socket: str, traces: str | None = None) -> list[str]:
    """The engine as a program that listens on ``socket``, and whose spans go to ``traces``."""
    return [
        *shlex.split(settings.solvers_vllm_command),
        "serve",
        settings.engine_model,
        *("--uds", socket),
        *("--served-model-name", settings.engine_served_name),
        *("--shutdown-timeout", str(max(1, round(settings.solvers_vllm_shutdown_seconds - _TEARDOWN_SECONDS)))),
        *_ALWAYS,
        *(("--otlp-traces-endpoint", traces) if traces else ()),
        *_shaping(settings),
    ]


def _shaping(settings: EngineSettings) -> list[str]:
    """What may change an answer. The user's own arguments come last, and so win over ours."""
    return [
        *("--runner", settings.solvers_vllm_runner),
        *(_GENERATES if settings.solvers_vllm_runner == "generate" else ()),
        *(("--revision", settings.solvers_vllm_revision) if settings.solvers_vllm_revision else ()),
        *_adapters(settings.solvers_vllm_adapters),
        *settings.solvers_vllm_arguments,
    ]


def _adapters(adapters: Mapping[str, str]) -> list[str]:
    if not adapters:
        return []
    return ["--enable-lora", "--lora-modules", *(f"{name}={path}" for name, path in sorted(adapters.items()))]


def engine_traces(environ: Mapping[str, str]) -> str | None:
    """Where the pod's own spans go, as the engine wants to be told; None: nowhere, or not over OTLP."""
    if exporter_of("TRACES", environ) != "otlp":
        return None
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    return environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or f"{base.rstrip('/')}/v1/traces"


def engine_environment(settings: EngineSettings, environ: Mapping[str, str], directory: str) -> dict[str, str]:
    """The pod's environment without what is the pod's alone; ``directory`` takes the engine's own sockets."""
    handed_down = {
        name: value for name, value in environ.items() if not name.startswith(_NOT_THE_ENGINES) and name != _LOCKS
    }
    # vLLM's own default is gRPC, and the pod's is not.
    traced = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_SERVICE_NAME": "graftwork-engine"}
    # vLLM would give up by itself after 10 minutes, in which no large model is loaded.
    patient = {"VLLM_ENGINE_READY_TIMEOUT_S": str(round(settings.solvers_vllm_start_seconds))}
    return {**_QUIET, **traced, **patient, "VLLM_RPC_BASE_PATH": directory, **handed_down}


def engine_identity(settings: EngineSettings, version: str) -> str:
    """Digest of all that shapes answers, alike in every replica: no socket, no place where the program lies."""
    shaping: dict[str, Any] = {
        "engine": f"vllm {version}",
        "model": settings.engine_model,
        "arguments": _shaping(settings),
    }
    return f"vllm:{digest(shaping)}"
