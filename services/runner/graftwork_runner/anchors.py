"""Simple code checks of a sample set, logged beside the reward and never steering it. Pure.

A frozen ruler next to one that is regenerated every iteration: crude, but it cannot be flattered.
Each check is a share between 0 and 1, averaged over the good samples; no good sample, no checks.
"""

import re
from collections.abc import Mapping
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from graftwork.contracts.workflows import SampleRow
from graftwork.models.copying import texts_in

_WORD = re.compile(r"[^\W\d_]+")
_RUN = 3
_STEM_CHARS = 5
_LONG_WORD_CHARS = 4
_USUAL_STOP_WORD_SHARE = 0.25
_USUAL_WORDS = """
    a about all an and are as at be because been but by can do each every for from has have how if in into is it
    its more most no not of on one or other our so some such than that the their them then there these they this to
    two was we were what when where which while who will with you your
"""
_STOP_WORDS = frozenset(_USUAL_WORDS.split())


def anchor_checks(rows: Sequence[SampleRow]) -> dict[str, float]:
    """Check name -> mean share.

    ``fresh_wording``: distinct among all runs of three words; a text that repeats itself is low.
    ``on_topic``: whether a longer word of the seed occurs in the output.
    ``plain_language``: share of English stop words against the usual quarter; letter salad is low, and so
    is any other language.
    """
    good = [row for row in rows if row.output is not None]
    if not good:
        return {}
    texts = [_words(row.output) for row in good]
    return {
        "fresh_wording": fmean(map(_fresh_wording, texts)),
        "on_topic": fmean(_on_topic(row.seed, words) for row, words in zip(good, texts, strict=True)),
        "plain_language": fmean(map(_plain_language, texts)),
    }


def _fresh_wording(words: Sequence[str]) -> float:
    runs = list(zip(*(words[start:] for start in range(_RUN)), strict=False))
    return len(set(runs)) / len(runs) if runs else 1.0


def _on_topic(seed: Mapping[str, Any], words: Sequence[str]) -> float:
    wanted = {word[:_STEM_CHARS] for word in _words(seed) if len(word) >= _LONG_WORD_CHARS}
    said = {word[:_STEM_CHARS] for word in words}
    return float(not wanted or bool(wanted & said))


def _plain_language(words: Sequence[str]) -> float:
    if not words:
        return 0.0
    share = sum(word in _STOP_WORDS for word in words) / len(words)
    return min(1.0, share / _USUAL_STOP_WORD_SHARE)


def _words(value: Any) -> list[str]:
    return [word.lower() for text in texts_in(value) for word in _WORD.findall(text)]
