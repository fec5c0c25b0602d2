"""What services export, as a test can read it: spans, and the edges between them."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

Step = tuple[str, str]
"""Service and name of a span; the name of a model's chat without the model."""


@dataclass(frozen=True)
class Exported:
    """One span as it was sent. ``links``: ids of the spans that it follows from beside its parent."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str | None
    links: tuple[str, ...]
    attributes: Mapping[str, Any]
    failed: bool
    began_ns: int
    ended_ns: int
    size_bytes: int

    @property
    def step(self) -> Step:
        """What it is an instance of."""
        return self.service.removeprefix("graftwork-"), self.name


def exported_of(service: str, span: Span) -> Exported:
    """One span of a request of OTLP."""
    return Exported(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        links=tuple(link.span_id.hex() for link in span.links),
        attributes={one.key: _plain(one.value) for one in span.attributes},
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        began_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        size_bytes=span.ByteSize(),
    )


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(map(_plain, value.array_value.values))
    return getattr(value, kind) if kind else None


class Trace:
    """The spans of one trace."""

    def __init__(self, spans: Sequence[Exported]) -> None:
        self.spans = sorted(spans, key=lambda span: span.began_ns)
        self._by_id = {span.span_id: span for span in spans}

    @property
    def roots(self) -> list[Exported]:
        """Spans without a parent."""
        return [span for span in self.spans if span.parent_id is None]

    @property
    def orphans(self) -> list[Exported]:
        """Spans whose parent nobody has sent."""
        return [span for span in self.spans if span.parent_id is not None and span.parent_id not in self._by_id]

    @property
    def edges(self) -> Counter[tuple[Step, Step]]:
        """How often a step is the parent of another."""
        return Counter((above.step, span.step) for span, above in self._with_parents())

    def linked(self, span: Exported) -> list[Exported]:
        """The spans that this one also follows from."""
        return [self._by_id[span_id] for span_id in span.links]

    def named(self, name: str) -> list[Exported]:
        """Spans of this name."""
        return [span for span in self.spans if span.name == name]

    def children(self, span: Exported) -> list[Exported]:
        """What it is the parent of, in the order in which they began."""
        return [each for each in self.spans if each.parent_id == span.span_id]

    def drawn(self, root: Exported, depth: int = 0) -> Iterator[str]:
        """As a tree of text."""
        yield f"{'  ' * depth}{root.step[0]:<9} {root.name}"
        for child in self.children(root):
            yield from self.drawn(child, depth + 1)

    def _with_parents(self) -> Iterator[tuple[Exported, Exported]]:
        for span in self.spans:
            if span.parent_id in self._by_id:
                yield span, self._by_id[str(span.parent_id)]


def traces_of(spans: Sequence[Exported]) -> dict[str, Trace]:
    """Id -> trace."""
    return {each: Trace([span for span in spans if span.trace_id == each]) for each in {s.trace_id for s in spans}}
