"""Records that the model had no part in, though it was asked: what they say depends on nothing. Pure.

A workflow may call the model, throw the answer away, and return a text of its own with the topic put into it. Such a
record differs from seed to seed, so equality does not show it. It is told by two things together: no value in it can
be traced to an answer, and every longer text in it is the workflow's own: it stands in the code, or another seed's
record says the same at the same place, but for words of the seed.

One alone is honest. A record whose only word of the model's is a label, below an instruction that is the same for all,
has a part of the model's; a problem that code made up from random numbers is not the same for all.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import chain
from itertools import pairwise
from typing import Any

from graftwork.contracts.workflows import SampleRow
from graftwork.models.copying import FEWEST_WORDS
from graftwork.models.copying import RUN_WORDS
from graftwork.models.copying import Runs
from graftwork.models.copying import is_copy
from graftwork.models.copying import runs_of
from graftwork.models.copying import texts_in
from graftwork.models.copying import words_of

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value in a record."""

_BLANK = "_"
_NO_PART = frozenset({"role"})  # of a message: the layout's word and nobody's


def uninformed(rows: Sequence[SampleRow], said: Mapping[int, Iterable[str]], code: str) -> set[str]:
    """Ids of the good rows that the model had no part in. ``said``: seed index -> the model's answers to that seed."""
    good = [row for row in rows if row.output is not None]
    code_runs = runs_of([code])
    common = _common(good)
    return {
        row.sample_id
        for row in good
        if _is_all_own(row, code_runs, common) and not _has_part(row, list(said.get(row.seed_index, ())), code_runs)
    }


def _is_all_own(row: SampleRow, code_runs: Runs, common: Mapping[Place, Runs]) -> bool:
    """Whether there are longer texts, and each is the workflow's own. What the seed gave is not looked at."""
    given = runs_of(texts_in(row.seed))
    long = [(place, text) for place, text in _texts(row) if len(words_of(text)) >= FEWEST_WORDS]
    made = [(place, text) for place, text in long if not is_copy(text, given)]
    return bool(made) and all(
        is_copy(text, code_runs) or is_copy(_without_seed(text, row), common[place]) for place, text in made
    )


def _common(rows: Sequence[SampleRow]) -> dict[Place, Runs]:
    """Place -> runs of words that the texts of several seeds have there, words of each seed blanked out."""
    counts: dict[Place, Counter[tuple[str, ...]]] = {}
    for row in {str(dict(row.seed)): row for row in rows}.values():
        for place, text in _texts(row):
            counts.setdefault(place, Counter()).update(runs_of([_without_seed(text, row)]))
    everywhere = {place: frozenset(run for run, count in found.items() if count > 1) for place, found in counts.items()}
    return {**{place: frozenset() for row in rows for place, _ in _texts(row)}, **everywhere}


def _without_seed(text: str, row: SampleRow) -> str:
    known = {word for given in texts_in(row.seed) for word in words_of(given)}
    blanked = (_BLANK if word in known else word for word in words_of(text))
    return " ".join(word for word, again in pairwise(chain(blanked, [""])) if (word, again) != (_BLANK, _BLANK))


def _has_part(row: SampleRow, answers: Sequence[str], code_runs: Runs) -> bool:
    """Whether some value of the record can be traced to an answer and not to the code or the seed."""
    known = {word for given in texts_in(row.seed) for word in words_of(given)}
    spoken = [f" {' '.join(words_of(answer))} " for answer in answers]
    runs = runs_of(answers) - code_runs - runs_of(texts_in(row.seed))
    return any(
        _is_traced(value, spoken, runs, known) for place, value in _leaves(row.output) if place[-1] not in _NO_PART
    )


def _is_traced(value: Any, spoken: Sequence[str], runs: Runs, known: set[str]) -> bool:
    words = words_of(str(value))
    if not words or isinstance(value, bool) or set(words) <= known:
        return False
    if len(words) >= RUN_WORDS:
        return bool(runs_of([str(value)]) & runs)
    return any(f" {' '.join(words)} " in answer for answer in spoken)


def _texts(row: SampleRow) -> Iterator[tuple[Place, str]]:
    return ((place, value) for place, value in _leaves(row.output) if isinstance(value, str))


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*place, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(item, (*place, index))
    else:
        yield place, value
