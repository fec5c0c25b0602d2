"""Whether a metric measures what it says, told by its own exemplars. Pure.

The paper uses every metric it is given. A judge that cannot tell a metric's two exemplars apart, with the
definition alone before it, will not tell samples apart either: such a metric is noise in the mean.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from graftwork.contracts.workflows import Metric

LOWEST_POSITIVE = 4
HIGHEST_NEGATIVE = 2


@dataclass(frozen=True)
class Marks:
    """Scores (1-5) of a metric's exemplars by that metric. None: there is no such exemplar, or no valid answer."""

    positive: int | None
    negative: int | None

    @property
    def faults(self) -> list[str]:
        """What is not as meant; nothing is held against a metric but a score."""
        found = []
        if self.positive is not None and self.positive < LOWEST_POSITIVE:
            found.append(f"its positive exemplar scored {self.positive}, below {LOWEST_POSITIVE}")
        if self.negative is not None and self.negative > HIGHEST_NEGATIVE:
            found.append(f"its negative exemplar scored {self.negative}, above {HIGHEST_NEGATIVE}")
        return found

    @property
    def distance(self) -> int:
        """By how much the positive exemplar is above the negative; an unknown score counts as just good enough."""
        return (self.positive or LOWEST_POSITIVE) - (self.negative or HIGHEST_NEGATIVE)


@dataclass(frozen=True)
class Calibrated:
    """``dropped``: metric name -> why."""

    kept: tuple[Metric, ...]
    dropped: Mapping[str, str]


def calibrated(metrics: Sequence[Metric], marks: Mapping[str, Marks]) -> Calibrated:
    """Drop the metrics whose exemplars do not score as meant; ``marks`` by metric name.

    An evaluation needs a metric: where none passes, the half that comes nearest is kept, the earlier of
    equals first, and the reasons of the others say so.
    """
    faults = {metric.name: "; ".join(marks[metric.name].faults) for metric in metrics}
    if any(not fault for fault in faults.values()):
        kept = {name for name, fault in faults.items() if not fault}
        note = ""
    else:
        nearest = sorted(faults, key=lambda name: -marks[name].distance)
        kept = set(nearest[: (len(nearest) + 1) // 2])
        note = "; no metric passed, and the half that came nearest was kept"
    return Calibrated(
        kept=tuple(metric for metric in metrics if metric.name in kept),
        dropped={name: fault + note for name, fault in faults.items() if name not in kept},
    )
