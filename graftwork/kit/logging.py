"""Structured logs: one JSON object a line, with the ids bound at the edge of each message.

A line never holds a secret: tracebacks come without the values of local variables, and the secrets of
the settings, and what looks like a credential, are blotted out wherever they stand.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote
from urllib.parse import urlsplit

import structlog
from opentelemetry import trace
from pydantic import SecretStr

from graftwork.contracts.visible import HIDDEN
from graftwork.kit.settings import ServiceSettings

Logger = structlog.stdlib.BoundLogger
_CREDENTIALS = re.compile(
    r"""(?<=://)[^/@\s"']+(?=@)"""  # user and password of a URL
    r"""|(?<=\b(?i:Bearer)\ )[\w.~+/=-]+"""
    r"""|(?:\b|(?<=\x1b\[\d\dm))(?:sk|gw|hf|whsec)[-_][\w-]{16,}"""  # API keys, also behind a terminal's colour
)
_LONGEST_TEXT = 20_000
_SHORTEST_SECRET = 4  # blotting out shorter ones would spoil every line, and tell them by that
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure_logging(service: str, settings: ServiceSettings) -> None:
    """Send our logs and those of libraries to stderr in the chosen format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _with_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    blotter = _Blotter(settings)
    bounded = _Bounded(blotter)
    renderer: list[structlog.typing.Processor] = (
        [_TRACEBACKS, bounded, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [structlog.processors.format_exc_info, bounded, _on_one_line, structlog.dev.ConsoleRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer, blotter],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for noisy in ("aiokafka", "pymongo", "httpx", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("stamina").setLevel(logging.ERROR)  # who retries logs it with its own ids
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> Logger:
    """Logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Every line that is written within says these ids; an id that is None is not there."""
    with structlog.contextvars.bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


def _with_trace(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Where a line was written in the trace at hand, under the names that OpenTelemetry has for logs of other forms."""
    at_hand = trace.get_current_span().get_span_context()
    if at_hand.is_valid:
        fields["trace_id"], fields["span_id"] = f"{at_hand.trace_id:032x}", f"{at_hand.span_id:016x}"
    return fields


def _on_one_line(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A terminal obeys nothing that stands in a field, and no field begins a line; those of tracebacks are indented."""
    return {key: _shown(value, lines=key == "exception") for key, value in fields.items()}


def _shown(value: Any, *, lines: bool) -> Any:
    if not isinstance(value, str):
        return value
    text = HIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
    return text.replace("\n", "\n    " if lines else "\\n")


class _Blotter:
    """Last of the processors: a line is the text about to be written. ``blot``: any other text."""

    def __init__(self, settings: ServiceSettings) -> None:
        secrets = {value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)}
        password = urlsplit(settings.mongo).password or ""
        secrets |= {password, unquote(password)}
        forms = {form for one in secrets if len(one) >= _SHORTEST_SECRET for form in _as_written(one)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, _logger: object, _method: str, line: Any) -> Any:
        return self.blot(line)

    def blot(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub("***", text)
        return _CREDENTIALS.sub("***", text)


class _Bounded:
    """No text of a line is longer than anybody reads; what failed stands at the end.

    Blotted before it is cut: half a secret is not known for one.
    """

    def __init__(self, blotter: _Blotter) -> None:
        self._blotter = blotter

    def __call__(self, _logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {key: self._cut(value) for key, value in fields.items()}

    def _cut(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._cut(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._cut(item) for item in value]
        if not isinstance(value, str) or len(value) <= _LONGEST_TEXT:
            return value
        text = self._blotter.blot(value)
        return f"{text[: _LONGEST_TEXT // 2]} [... {len(text) - _LONGEST_TEXT} ...] {text[-_LONGEST_TEXT // 2 :]}"


def _as_written(secret: str) -> tuple[str, ...]:
    """In a text, in a JSON string, and in that of a text that shows it by ``repr``."""
    shown = repr(secret)[1:-1]
    return secret, json.dumps(secret)[1:-1], shown, json.dumps(shown)[1:-1]
