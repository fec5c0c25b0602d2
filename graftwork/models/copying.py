"""Whether one text was copied from another, told by the runs of words that both have.

The measure is containment of word runs (Broder, "On the resemblance and containment of documents", 1997):
exact, of one text in a few others. MinHash, with which the curator looks for near duplicates, estimates the
like over a whole dataset, and is too rough for a single short pair.

Two texts on one subject share words and turns of phrase, but hardly a run of five words, let alone most of
their length in such runs. So a text counts as copied from ``COPIED_SHARE`` of its words on; a few words
changed, added or left out do not hide it. Below ``FEWEST_WORDS`` nothing is said: a definition or a label
may well be the same by chance.
"""

import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

RUN_WORDS = 5
COPIED_SHARE = 0.8
FEWEST_WORDS = 12

Runs = frozenset[tuple[str, ...]]

# Chinese and Japanese put no spaces between words: there every character counts as one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def words_of(text: str) -> tuple[str, ...]:
    """Words of a text; case, spaces and punctuation do not count."""
    return tuple(_WORD.findall(text.casefold()))


def runs_of(texts: Iterable[str]) -> Runs:
    """Every run of ``RUN_WORDS`` words in these texts."""
    return frozenset(run for text in texts for run in _runs(words_of(text)))


def copied_share(text: str, runs: Runs) -> float:
    """Share of the words of ``text`` that stand in one of ``runs``, 0-1."""
    words = words_of(text)
    found = [start for start, run in enumerate(_runs(words)) if run in runs]
    covered = {place for start in found for place in range(start, start + RUN_WORDS)}
    return len(covered) / len(words) if words else 0.0


def is_copy(text: str, runs: Runs) -> bool:
    """Whether ``text`` is long enough to tell, and nearly all of it is in ``runs``."""
    return len(words_of(text)) >= FEWEST_WORDS and copied_share(text, runs) >= COPIED_SHARE


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, in order; keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def longest_text(value: Any) -> str:
    """The text with most words in a JSON value; empty where there is none."""
    return max(texts_in(value), key=lambda text: len(words_of(text)), default="")


def _runs(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [words[start : start + RUN_WORDS] for start in range(len(words) - RUN_WORDS + 1)]
