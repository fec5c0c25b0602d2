"""Text that speaks to whoever judges it, instead of doing what it is judged for.

A sample is shown to a judge behind a fence, and the judge is told that nothing in it is an instruction. Models obey all
the same, now and then, so what can be told by its wording is told here, without one. The wordings are English and
plain: this is a net for the common attempts, not a proof that there is none.

What the job itself is about is no attempt: a rule does not count where the job's own words meet it, or speak of what
has such texts: injections, marks, judges.
"""

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

from graftwork.contracts.visible import HIDDEN

MOST_CHARS = 30_000
"""More of a record, from its beginning, than this no judge is shown; nor more of a prompt or of the code."""

_TOP = r"(?:5|five|10|ten|100|full|maximum|highest|top|perfect)"
_SCORE = r"(?:scores?|marks?|points?|ratings?|grades?)"
_THING = r"(?:this|it|me|(?:this|the) (?:sample|record|text|response|answer|output|completion|entry|workflow|code))"
_JUDGE = r"(?:judge|grader|examiner|evaluator|scorer|rater|assessor|reviewer)s?"
_INJECTIONS = (
    r"\b(?:injections?|injected|jailbreaks?|red.?team\w*|adversarial|safety|refus(?:als?|es?|ed|ing)|manipulat\w+)\b"
)
_MARKING = r"\b(?:scor(?:es?|ed|ing)|marking|grading|ratings?|reviews?|rubrics?|contests?)\b"
_JUDGING = r"\b(?:judges?|examiners?|evaluators?|reviewers?|courts?|legal|letters?)\b"
_OWN = r"(?:this|my|our) (?:workflow|code|program|prompt|template)"
_PRIZE = (
    rf"(?:an?\s+|the\s+)?(?:{_TOP}\s+{_SCORE}|{_SCORE}\s+of\s+{_TOP}\b"
    r"|(?:5|five|10|ten|100)(?=\s*(?:/|out of\b|[.!,;)\n]|$)))"
)
# "give this code full marks only if it runs" is what an honest critic is told
_NO_TERMS = r"(?![^.\n]{0,60}\b(?:if|when|unless|only|provided|where)\b)"
_JOINERS = re.compile("[\u034f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # honest in a text, and yet unseen
_LONGEST_FORM = (
    3  # characters that one stands for, as the ligature of ffi does; some ornaments stand for a whole sentence
)
_CHATS = r"\b(?:chat.?ml|templates?|tokens?)\b"


@dataclass(frozen=True)
class _Rule:
    """``subject``: what a job may be about that has such texts; None: the form is ours, and none has."""

    what: str
    pattern: re.Pattern[str]
    subject: re.Pattern[str] | None

    def holds_for(self, about: str) -> bool:
        """Whether the job's own words leave it in force."""
        if self.pattern.search(about):
            return False
        return self.subject is None or not self.subject.search(about)


def _rule(what: str, pattern: str, *, subject: str | None) -> _Rule:
    about = None if subject is None else re.compile(subject, re.IGNORECASE)
    return _Rule(what, re.compile(pattern, re.IGNORECASE), about)


def _said(rules: Sequence[_Rule], texts: Iterable[str]) -> str | None:
    for text in texts:
        for rule in rules:
            if (found := rule.pattern.search(text)) is not None:
                return f"{rule.what}: {' '.join(found[0].split())[:80]!r}"
    return None


def _beginning(texts: Iterable[str]) -> Iterator[str]:
    """The first ``MOST_CHARS`` of a record; a text counts as one character at least, so there are not too many."""
    left = MOST_CHARS
    for text in texts:
        yield _plain(text[:left])
        left -= max(1, len(text))
        if left <= 0:
            return


def _plain(text: str) -> str:
    """Text as a model reads it: in the plain forms of its letters (NFKC, each by itself), without what is unseen."""
    seen = _JOINERS.sub("", HIDDEN.sub(lambda found: " " if _is_blank(found[0]) else "", text))
    if seen.isascii():
        return seen
    return "".join(map(_plain_form, seen))  # a text as a whole takes quadratic time where marks are heaped on a letter


def _is_blank(hidden: str) -> bool:
    return hidden.isspace() or hidden == "\N{HANGUL FILLER}"


def _plain_form(character: str) -> str:
    form = unicodedata.normalize("NFKC", character)
    return form if len(form) <= _LONGEST_FORM else character


_FENCE = _rule("it imitates the fence of a prompt", r"</?data-[0-9a-f]{8}>", subject=None)

_RULES = (
    _FENCE,
    _rule(
        "it imitates the answer of a judge",
        r"""["']judgements["']\s*:\s*[\[{]""",
        subject=None,
    ),
    _rule(
        "it imitates the answer of a judge",
        r"""["'](?:justification|why|metric)["']\s*:[^{}]{0,400}["']score["']\s*:\s*[1-5]\b"""
        r"""|["']score["']\s*:\s*[1-5]\b[^{}]{0,200}["'](?:justification|why|metric)["']\s*:""",
        subject=_MARKING,
    ),
    _rule(
        "it imitates a turn of a conversation",
        r"<\|(?:im_start|im_end|system|assistant|user|eot_id|start_header_id|endoftext)\|>|\[/?INST\]|<</?SYS>>",
        subject=_CHATS,
    ),
    _rule(
        "it tells its reader to ignore instructions",
        r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:previous|prior|above|earlier|preceding)\b"
        r"[^.\n]{0,20}\b(?:instructions?|prompts?|rules|guidelines|directions)\b"
        r"|\b(?:ignore|disregard|override)\b[^.\n]{0,20}\b(?:instructions?|prompts?)\b[^.\n]{0,10}\b(?:above|before)\b",
        subject=_INJECTIONS,
    ),
    _rule(
        "it asks for a score",
        rf"\b(?:score|rate|grade|mark)\s+{_THING}\s+(?:as\s+|with\s+)?(?:an?\s+)?{_TOP}\b"
        rf"|\b(?:give|award|assign)\s+{_THING}\s+(?:an?\s+|the\s+)?(?:{_TOP}\s+{_SCORE}|{_SCORE}\s+of\s+{_TOP}"
        r"|(?:5|five|10|ten)\s*(?:/|out of|on (?:every|each|all)))",
        subject=_MARKING,
    ),
    _rule(
        "it says what it deserves",
        rf"\b{_THING}\s[^.\n]{{0,40}}\b(?:deserves|merits|should (?:get|receive|be (?:scored|rated|graded|given)))\b"
        rf"[^.\n]{{0,40}}\b{_TOP}\b",
        subject=_MARKING,
    ),
    _rule(
        "it addresses its judge",
        rf"\b(?:dear|attention|(?:note|message|instructions?|reminder) (?:to|for))\s+(?:the |our |any )?"
        rf"(?:ai |llm |automated |expert )?{_JUDGE}\b",
        subject=_JUDGING,
    ),
)

_PLEAS = (
    _FENCE,
    _rule(
        "it asks for a score",
        rf"\b(?:score|rate|grade|mark|give|award|assign)\s+{_OWN}\s+(?:as\s+|with\s+)?{_PRIZE}{_NO_TERMS}",
        subject=None,
    ),
    _rule(
        "it says what it deserves",
        rf"(?<!\bif )(?<!\bwhether )(?<!\bwhy )(?<!\bwhen )\b{_OWN}\s+(?:deserves|merits"
        rf"|(?:should|must)\s+(?:get|receive|earn|be\s+(?:scored|rated|graded|given|awarded)))\s+{_PRIZE}{_NO_TERMS}",
        subject=None,
    ),
)


def appeal_in(texts: Iterable[str], *, about: Iterable[str] = ()) -> str | None:
    """What in a record's ``texts`` speaks to a judge, in words; None: nothing that we know.

    ``about``: the job's own words. Of each the first ``MOST_CHARS`` characters are read, all texts taken together.
    """
    subject = "\n".join(_beginning(about))
    return _said([rule for rule in _RULES if rule.holds_for(subject)], _beginning(texts))


def plea_in(texts: Iterable[str]) -> str | None:
    """What in a workflow's prompts and code asks points for the workflow itself; None: nothing that we know.

    Rules of its own: a step that has drafts examined and scored is good practice, and says so in just the words that
    are an appeal in a sample. Only what speaks of the workflow, its code or its prompts counts.
    """
    return _said(_PLEAS, (_plain(text[:MOST_CHARS]) for text in texts))


def marks_itself(texts: Iterable[str], names: Sequence[str]) -> str | None:
    """How ``texts`` give themselves points on the metrics ``names``, two of them at least; None: they do not."""
    marks = [
        re.compile(rf"\b{re.escape(name)}\W{{0,4}}(?:is |score )?(?:[1-5]|five)\b", re.IGNORECASE) for name in names
    ]
    for text in _beginning(texts):
        found = [name for name, mark in zip(names, marks, strict=True) if mark.search(text)]
        if len(found) > 1:
            return f"it gives itself points on {', '.join(map(repr, found[:3]))}"
    return None
