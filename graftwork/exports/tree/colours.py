"""Colours of rewards: viridis (van der Walt and Smith, 2015), which stays in order for colour-blind eyes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from math import floor

from graftwork.contracts.workflows import MAXIMUM_SCORE
from graftwork.contracts.workflows import MINIMUM_SCORE

_VIRIDIS = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
_DARK, _LIGHT = "#000000", "#ffffff"
_STEP = 0.5
_WEIGHTS = (0.2126, 0.7152, 0.0722)
_CHANNEL = 255
_LINEAR_BELOW = 0.04045
_GLARE = 0.05


@dataclass(frozen=True)
class Scale:
    """Colours between a lowest and a highest reward."""

    low: float
    high: float

    @classmethod
    def of(cls, rewards: Iterable[float]) -> "Scale":
        """Span the rewards, to half points; without any, the whole range of scores."""
        known = list(rewards)
        if not known:
            return cls(MINIMUM_SCORE, MAXIMUM_SCORE)
        low = max(MINIMUM_SCORE, min(MAXIMUM_SCORE - _STEP, floor(min(known) / _STEP) * _STEP))
        return cls(low, min(MAXIMUM_SCORE, max(low + _STEP, ceil(max(known) / _STEP) * _STEP)))

    def colour(self, reward: float) -> str:
        """Return the colour of a reward; beyond the ends, that of the end."""
        share = min(1.0, max(0.0, (reward - self.low) / (self.high - self.low)))
        place = share * (len(_VIRIDIS) - 1)
        index = min(int(place), len(_VIRIDIS) - 2)
        pairs = zip(_channels(_VIRIDIS[index]), _channels(_VIRIDIS[index + 1]), strict=True)
        return "#" + "".join(f"{round(a + (b - a) * (place - index)):02x}" for a, b in pairs)

    @property
    def stops(self) -> tuple[str, ...]:
        """Colours from the lowest to the highest, evenly spaced."""
        return tuple(f"#{colour}" for colour in _VIRIDIS)


def ink(colour: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    return max((_DARK, _LIGHT), key=lambda text: contrast(text, colour))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + _GLARE) / (darker + _GLARE)


def _luminance(colour: str) -> float:
    shares = (channel / _CHANNEL for channel in _channels(colour.removeprefix("#")))
    linear = (c / 12.92 if c <= _LINEAR_BELOW else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return sum(weight * channel for weight, channel in zip(_WEIGHTS, linear, strict=True))


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:], 16)
