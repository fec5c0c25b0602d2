"""What a refinement is shown of the search's memory, and a revision of the samples: enough, never without bound."""

import json
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.seeds import seed_at
from graftwork.contracts.workflows import Experience
from graftwork.contracts.workflows import SampleRow

MAX_OWN = 16
MAX_BELOW = 8
MAX_SUGGESTIONS = 12
MAX_MODIFICATION_CHARS = 300
MAX_FEEDBACK_CHARS = 400
MAX_SUGGESTION_CHARS = 500
MAX_TRACE_CHARS = 6_000
MAX_EXAMPLES = 6
MAX_EXAMPLE_CHARS = 200
MAX_SAMPLES = 4
MAX_RECORD_CHARS = 2_500


@dataclass(frozen=True)
class ShownExperience:
    """One change and what came of it; rewards on the 1-5 scale."""

    modification: str
    before: float
    after: float
    feedback: str

    @property
    def gain(self) -> float:
        """Change of the reward."""
        return self.after - self.before


@dataclass(frozen=True)
class Memory:
    """``own``: tried on this very workflow, newest first. ``below``: tried on its descendants, most telling first."""

    own: tuple[ShownExperience, ...]
    below: tuple[ShownExperience, ...]


@dataclass(frozen=True)
class ShownSample:
    """One record a person saw, or why there is none, as text."""

    seed: str
    record: str


def memory(experiences: Sequence[Experience], node_id: str | None) -> Memory:
    """Choose what to show of ``experiences`` (oldest first, as search appends them) of node ``node_id``.

    Changes of this workflow come first: they must not be repeated. Of those further down the ones
    that moved the reward most, up or down, say most.
    """
    own = [_shown(e) for e in reversed(experiences) if e.parent_id == node_id]
    below = sorted((_shown(e) for e in experiences if e.parent_id != node_id), key=lambda e: -abs(e.gain))
    return Memory(own=tuple(own[:MAX_OWN]), below=tuple(below[:MAX_BELOW]))


def shown_suggestions(suggestions: Iterable[str]) -> tuple[str, ...]:
    """Bounded, each once, in order."""
    texts = dict.fromkeys(clipped(text, MAX_SUGGESTION_CHARS) for text in suggestions if text.strip())
    return tuple(texts)[:MAX_SUGGESTIONS]


def shown_samples(rows: Sequence[SampleRow]) -> tuple[ShownSample, ...]:
    """Return the first few, good ones before failed ones, bounded."""
    chosen = sorted(rows, key=lambda row: not row.ok)[:MAX_SAMPLES]
    return tuple(
        ShownSample(clipped(_fields(row.seed), MAX_EXAMPLE_CHARS), clipped(_record(row), MAX_RECORD_CHARS))
        for row in chosen
    )


def seed_text(space: SeedSpace) -> str:
    """Return one line per key of a seed, with examples.

    The example rows are those of the first seed, which belongs to the review: seeds of finalists and
    production stay unseen. Facet values are no secret, since every purpose draws on all of them.
    """
    return "\n".join(_key_line(key, value, space) for key, value in seed_at(space, 0).items())


def schema_text(spec: JobSpec) -> str:
    """Return the job's output schema, indented."""
    return json.dumps(dict(spec.output.json_schema), indent=2, ensure_ascii=False)


def clipped(text: str, limit: int) -> str:
    """Return ``text`` on one line per line as it was, at most ``limit`` characters, marked where it was cut."""
    text = text.strip()
    return text if len(text) <= limit else f"{text[: limit - 6].rstrip()} [...]"


def clipped_trace(trace: str | None) -> str:
    """Return the end of a crash trace: that is where the error is named."""
    text = (trace or "").strip()
    return text if len(text) <= MAX_TRACE_CHARS else f"[...]\n{text[-MAX_TRACE_CHARS:]}"


def _key_line(key: str, value: Any, space: SeedSpace) -> str:
    values = space.facets.get(key)
    if values is None:
        example = clipped(json.dumps(value, ensure_ascii=False), MAX_EXAMPLE_CHARS)
        return f"{key} ({type(value).__name__}), for example: {example}"
    examples = "; ".join(clipped(one, MAX_EXAMPLE_CHARS) for one in values[:MAX_EXAMPLES])
    return f"{key} (str), {len(values)} values: {examples}{'; ...' if len(values) > MAX_EXAMPLES else ''}"


def _record(row: SampleRow) -> str:
    if row.output is not None:
        return _fields(row.output)
    return ": ".join(filter(None, ["no record", row.reason, row.detail]))


def _fields(values: Mapping[str, Any]) -> str:
    shown = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in values.items()
    }
    return "\n".join(f"{key}: {text}" for key, text in shown.items())


def _shown(experience: Experience) -> ShownExperience:
    return ShownExperience(
        modification=clipped(experience.modification, MAX_MODIFICATION_CHARS),
        before=experience.before,
        after=experience.after,
        feedback=clipped(experience.feedback, MAX_FEEDBACK_CHARS),
    )
