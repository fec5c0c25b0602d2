"""Samples in which the model said nothing of its own: canned for every seed, or copied from a prompt. Pure.

Only what the model wrote is looked at. What the code puts around it (an instruction, a question with the
seed in it) is the form of the dataset and may well be the same in every record; and so may a short answer,
such as a label, and then the whole record. How alike is alike, and why: ``graftwork.models.copying``.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from graftwork.contracts.ids import digest
from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import SampleRow
from graftwork.models.copying import FEWEST_WORDS
from graftwork.models.copying import is_copy
from graftwork.models.copying import longest_text
from graftwork.models.copying import runs_of
from graftwork.models.copying import texts_in
from graftwork.models.copying import words_of

Verdict = tuple[FailureReason, str]
"""Why a sample is none, and what to tell of it."""

_SAME_RECORD = "another seed gave exactly the same record"
_SAME_WORDS = "the model wrote the same, word for word, for another seed"
_COPIED = "the model copied its prompt: what it wrote stands there word for word, for instance as an example"


def verdicts(
    rows: Sequence[SampleRow], said: Mapping[int, Iterable[str]], prompts: Sequence[str]
) -> dict[str, Verdict]:
    """Sample id -> why it is none, for the good rows that are.

    ``said``: seed index -> the model's answers to that seed. ``prompts``: the workflow's templates.
    """
    good = [row for row in rows if row.output is not None]
    written = {row.sample_id: _written_by_model(row.output, said.get(row.seed_index, ())) for row in good}
    prompt_runs = runs_of(prompts)
    copied = {name for name, texts in written.items() if is_copy(longest_text(texts), prompt_runs)}
    same_words = _repeated(good, {name: [words_of(text) for text in texts] for name, texts in written.items()})
    told = [row for row in good if _says_enough(row.output, said.get(row.seed_index, ()))]
    same_record = _repeated(told, {row.sample_id: row.output for row in told})
    return {
        **dict.fromkeys(same_words, (FailureReason.CANNED_OUTPUT, _SAME_WORDS)),
        **dict.fromkeys(same_record, (FailureReason.CANNED_OUTPUT, _SAME_RECORD)),
        **dict.fromkeys(copied, (FailureReason.COPIED_OUTPUT, _COPIED)),
    }


def _written_by_model(output: Any, said: Iterable[str]) -> list[str]:
    """The longer texts of a record that come from the model's answers."""
    runs = runs_of(text for answer in said for text in _texts_of(answer))
    return [text for text in texts_in(output) if is_copy(text, runs)]


def _says_enough(output: Any, said: Iterable[str]) -> bool:
    """Whether so much of a record is the model's that it is no label; where nothing is, the whole record counts."""
    spoken = {word for answer in said for text in _texts_of(answer) for word in words_of(text)}
    words = [word for text in texts_in(output) for word in words_of(text)]
    by_model = [word for word in words if word in spoken]
    return len(by_model or words) >= FEWEST_WORDS


def _texts_of(answer: str) -> list[str]:
    """The texts of an answer, unescaped if it is JSON."""
    try:
        return list(texts_in(json.loads(answer)))
    except (ValueError, RecursionError):
        return [answer]


def _repeated(rows: Sequence[SampleRow], contents: Mapping[str, Any]) -> set[str]:
    """Ids of the rows whose content, where there is any, a row of another seed has too."""
    seeds: defaultdict[str, set[str]] = defaultdict(set)
    keys = {row.sample_id: digest(contents[row.sample_id]) for row in rows if contents[row.sample_id]}
    for row in rows:
        if row.sample_id in keys:
            seeds[keys[row.sample_id]].add(digest(row.seed))
    return {name for name, key in keys.items() if len(seeds[key]) > 1}
