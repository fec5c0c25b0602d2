"""Texts for generation calls: different for every prompt, and marked with their quality."""

import re

from tests.support.scripted_model import vocabulary as words
from tests.support.scripted_model.conversation import ChatCall
from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.latent import noisy
from tests.support.scripted_model.latent import template_quality
from tests.support.scripted_model.latent import text_marker
from tests.support.scripted_model.script import Quality

_TOPIC_LINE = re.compile(r"(?mi)^topic:\s*(.+?)\s*$")
_VARIABLE_LINE = re.compile(r"\w+: |\s*$")
_WORD = re.compile(r"[A-Za-z]{5,}")
_SENTENCES = (3, 6)


def text(call: ChatCall, knobs: Quality, draws: Draws) -> str:
    """A short text on the prompt's topic, whose quality is the prompt's plus noise."""
    quality = noisy(template_quality(call.heard, knobs.start), knobs, draws)
    subject = topic(call.heard, draws)
    count = _SENTENCES[0] + draws.below(_SENTENCES[1] - _SENTENCES[0] + 1, "length")
    frames = [
        draws.choose(words.OPENINGS, "opening"),
        *draws.shuffled(words.SENTENCES, "sentences")[:count],
        draws.choose(words.CLOSINGS, "closing"),
    ]
    first, *others = [_filled(frame, subject, draws, place) for place, frame in enumerate(frames)]
    # In the first sentence, where neither clipping nor tidying of the text loses it.
    return " ".join([f"{first[:-1]} {text_marker(quality)}{first[-1]}", *others])


def copied(call: ChatCall) -> str:
    """What stands in the prompt for every input alike: a lazy model's answer."""
    return " ".join(line for line in call.asked.splitlines() if not _VARIABLE_LINE.match(line))


def topic(prompt: str, draws: Draws) -> str:
    """What the prompt is about: its last ``Topic:`` line, else a word of it."""
    lines = _TOPIC_LINE.findall(prompt)
    if lines:
        return str(lines[-1])
    found = _WORD.findall(prompt)
    return draws.choose(found, "subject").lower() if found else "this"


def _filled(frame: str, subject: str, draws: Draws, place: int) -> str:
    return frame.format_map(_Slots(subject, draws, place))


class _Slots(dict[str, str]):
    """Draws a word when the frame asks for it; ``person_up`` is ``person`` with a capital."""

    def __init__(self, subject: str, draws: Draws, place: int) -> None:
        super().__init__(subject=subject)
        self._draws, self._place = draws, place

    def __missing__(self, slot: str) -> str:
        if slot.endswith("_up"):
            word = self[slot.removesuffix("_up")]
            return word[:1].upper() + word[1:]
        return self._draws.choose(words.WORDS[slot], self._place, slot)
