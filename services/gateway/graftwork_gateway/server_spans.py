"""The server's span of every request is FastAPI's own. Here stands which requests have one, and whose trace it is in.

A caller's trace is linked, not joined: it is a stranger's word, which would decide what we record and put whatever it
likes together.
"""

from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import TracerProvider
from starlette.datastructures import Headers
from starlette.types import Scope

from graftwork.kit.spans import tell
from graftwork.kit.tracing import link

_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
# A stream lasts for as long as somebody looks on, and nothing follows from it.
_STREAM = "/events"
_CONTEXT = frozenset({b"traceparent", b"tracestate", b"baggage"})
_CALLER = "caller_traceparent"


def telemetry_of(tracers: TracerProvider | None) -> TelemetryConfig:
    """What FastAPI is told. ``tracers``: where the spans go; None: where the process exports them, if it does.

    Its logs would tell the words of errors; its inner spans, one a phase, would tell what no operator asks for.
    """
    return {
        "tracer_provider": tracers,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": _is_untraced,
    }


def set_caller_apart(scope: Scope) -> None:
    """Take the caller's trace out of the headers, before anything joins it."""
    if scope["type"] == "http":
        scope.setdefault("state", {})[_CALLER] = Headers(scope=scope).get("traceparent")
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in _CONTEXT]


def tell_request(request: Request) -> None:
    """Tell the span at hand who asked, and about which job."""
    link([request.scope["state"].get(_CALLER)])
    tell(job_id=request.path_params.get("job_id"))


def _is_untraced(scope: MutableMapping[str, Any]) -> bool:
    return scope["path"] in _PROBES or scope["path"].endswith(_STREAM)
