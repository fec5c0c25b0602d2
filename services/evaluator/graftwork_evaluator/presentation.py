"""How samples are shown to a judge: field by field, unescaped, and never without bound."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.workflows import SampleRow
from graftwork_evaluator.scoring import bounded

MAX_SEED_CHARS = 2_000


@dataclass(frozen=True)
class Limits:
    """Characters of one record when it is scored, and of all records when metrics are proposed."""

    record: int
    batch: int


_LIMITS = {
    Profile.STANDARD: Limits(record=24_000, batch=48_000),
    Profile.COMPACT: Limits(record=700, batch=2_400),
}


@dataclass(frozen=True)
class ShownSample:
    """A sample as text; ``seed`` is empty where there is none."""

    seed: str
    record: str


def one_sample(row: SampleRow, spec: JobSpec) -> ShownSample:
    """Return a sample as it is shown to be scored."""
    return _shown(row, _LIMITS[spec.models.profile].record)


def one_passage(text: str, spec: JobSpec) -> ShownSample:
    """Return a text that was made from no seed as it is shown to be scored."""
    return ShownSample(seed="", record=bounded(text, _LIMITS[spec.models.profile].record))


def batch(rows: Sequence[SampleRow], spec: JobSpec) -> list[ShownSample]:
    """Return the samples as they are shown together; each gets an equal share of the room."""
    return [_shown(row, _LIMITS[spec.models.profile].batch // len(rows)) for row in rows]


def schema_text(spec: JobSpec) -> str:
    """Return the job's output schema, indented."""
    return json.dumps(dict(spec.output.json_schema), indent=2, ensure_ascii=False)


def one_word_question(text: str) -> str:
    """Return the wording under which a chat model's last token is a usable embedding (prompt-EOL, arXiv:2307.16645)."""
    return f'This criterion: "{text}" means in one word: "'


def _shown(row: SampleRow, limit: int) -> ShownSample:
    return ShownSample(
        seed=bounded(_fields(row.seed), min(limit, MAX_SEED_CHARS)), record=bounded(_fields(row.output or {}), limit)
    )


def _fields(record: Mapping[str, Any]) -> str:
    return "\n".join(f"{key}: {_text(value)}" for key, value in record.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
