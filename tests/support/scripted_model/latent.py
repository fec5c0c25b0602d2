"""The hidden quality: how it is written into prompts and texts, read back, scored and refined.

Nothing is remembered between calls: a prompt template carries ``Quality marker q=0.62``, the texts
made from it carry ``[q=0.60]``. The two forms differ so that samples shown in a prompt are not
mistaken for the workflow that made them. Where only code may change, the code carries ``Code marker
q=0.62`` into its calls, and that one counts. The exemplars of metrics say by their first words what they show.
"""

import math
import re
from dataclasses import dataclass
from statistics import fmean

from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.script import Quality

SATURATION = 0.9
"""From this quality on every score is 5, so that a search can converge exactly."""

SHOWS, FAILS, MUDDLED = "Here it shows:", "Here it fails:", "Here it may or may not show:"
_EXEMPLARS = {SHOWS: 0.95, FAILS: 0.05, MUDDLED: 0.45}
_CODE_MARKER = re.compile(r"Code marker q=([01]\.\d+)")
_TEMPLATE_MARKER = re.compile(r"Quality marker q=([01]\.\d+)")
_TEXT_MARKER = re.compile(r"\[q=([01]\.\d+)\]")


@dataclass(frozen=True, slots=True)
class Step:
    """What a refinement made of the quality."""

    quality: float
    good: bool


def template_marker(quality: float) -> str:
    """The sentence that a prompt template carries."""
    return f"Check every step. Quality marker q={quality:.3f}."


def code_marker(quality: float) -> str:
    """What changed code adds to the variables of its calls."""
    return f" (Code marker q={quality:.3f})"


def text_marker(quality: float) -> str:
    """The mark that a generated text carries."""
    return f"[q={quality:.3f}]"


def template_quality(text: str, otherwise: float) -> float:
    """Quality in the last template marker of ``text``, since refinements append; a code marker goes before."""
    found = _CODE_MARKER.findall(text) or _TEMPLATE_MARKER.findall(text)
    return float(found[-1]) if found else otherwise


def text_quality(text: str) -> float:
    """Mean quality of the generated texts in ``text``; 0 where the model wrote none of it."""
    found = _TEXT_MARKER.findall(text)
    return fmean(map(float, found)) if found else 0.0


def exemplar_quality(text: str) -> float | None:
    """Quality of the one exemplar that ``text`` asks about; None if it holds none, or both of a metric."""
    found = [quality for words, quality in _EXEMPLARS.items() for _ in range(text.count(words))]
    return found[0] if len(found) == 1 else None


def noisy(quality: float, knobs: Quality, draws: Draws) -> float:
    """Quality of one text made by a workflow of ``quality``."""
    return _clamped(quality + draws.between(-knobs.text_noise, knobs.text_noise, "text"))


def score(quality: float, draws: Draws, *label: object) -> int:
    """Score 1-5, rounded up or down at random so that the mean of many is exact."""
    level = 1 + 4 * min(1.0, _clamped(quality) / SATURATION)
    return min(5, math.floor(level + draws.share("score", *label)))


def metric_score(quality: float, metric: str, knobs: Quality, draws: Draws) -> int:
    """Score of a text on one metric; some metrics are harder than others, except at the top."""
    hardness = Draws("metric").between(-knobs.metric_spread, knobs.metric_spread, metric)
    return score(quality - hardness * (quality < SATURATION), draws, metric)


def refined(quality: float, knobs: Quality, draws: Draws) -> Step:
    """One modification: good with probability ``good_share``."""
    if draws.share("good") < knobs.good_share:
        return Step(_clamped(quality + (1 - quality) * draws.between(*knobs.gain, "gain")), good=True)
    return Step(_clamped(quality - draws.between(*knobs.loss, "loss")), good=False)


def _clamped(quality: float) -> float:
    return min(1.0, max(0.0, quality))
