"""From judgements to the sample half of the reward, and to what the next refinement should know."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from statistics import fmean

from graftwork.contracts.workflows import Judgement
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork_evaluator.errors import NothingToJudge
from graftwork_evaluator.errors import TooFewScored

Judgements = Mapping[str, Judgement]

FAILED_SCORE = 1
TOP_SCORE = 5
MAX_SUGGESTIONS = 8
MAX_SUGGESTIONS_PER_METRIC = 2
MAX_SUGGESTION_CHARS = 400
MAX_REASON_CHARS = 300
MAX_SAMPLE_MEANS = 200


def matrix(
    rows: Sequence[SampleRow], judged: Mapping[str, Judgements | None], metrics: Sequence[Metric]
) -> list[SampleScores]:
    """One row of scores per candidate.

    ``judged``: sample id -> judgements, None where no valid answer came. A candidate that failed gets
    the minimum on every metric. A good sample that could not be scored has no judgements and so stays
    out of the mean: that the judge failed says nothing of the sample. Raises ``TooFewScored`` when
    that is so for more than half of the good samples.
    """
    good = [row for row in rows if row.ok]
    unscored = sum(judged[row.sample_id] is None for row in good)
    if unscored * 2 > len(good):
        raise TooFewScored(unscored, len(good))
    return [_failed(row, metrics) if not row.ok else _scored(row, judged[row.sample_id]) for row in rows]


def mean_score(scores: Iterable[SampleScores]) -> float:
    """Mean over samples and metrics, 1-5 (paper, equation for Score_sample). Raises ``NothingToJudge``."""
    cells = [judgement.score for row in scores for judgement in row.judgements.values()]
    if not cells:
        raise NothingToJudge("no sample of this evaluation has a score")
    return fmean(cells)


def sample_means(scores: Iterable[SampleScores]) -> tuple[float, ...]:
    """Mean score of each sample that has one, in seed order, the first ``MAX_SAMPLE_MEANS``."""
    scored = sorted((row for row in scores if row.judgements), key=lambda row: row.seed_index)
    return tuple(fmean(j.score for j in row.judgements.values()) for row in scored[:MAX_SAMPLE_MEANS])


def suggestions(scores: Sequence[SampleScores]) -> tuple[str, ...]:
    """Return the reasons behind the lowest scores, worst first, without repetition, prefixed by their metric.

    At most ``MAX_SUGGESTIONS``, and two of one metric, so that one weakness does not hide the others.
    A perfect score suggests nothing. Why candidates failed comes first: nothing is worse than no sample.
    """
    weak = [
        (judgement.score, name, judgement.justification)
        for row in scores
        if not row.failed
        for name, judgement in row.judgements.items()
        if judgement.score < TOP_SCORE
    ]
    weak.sort(key=lambda cell: cell[0])
    told = _failures(scores)
    per_metric: Counter[str] = Counter()
    known: set[str] = set()
    for score, name, reason in weak:
        key = " ".join(reason.casefold().split())
        if key in known or per_metric[name] == MAX_SUGGESTIONS_PER_METRIC:
            continue
        known.add(key)
        per_metric[name] += 1
        told.append(bounded(f"{name} ({score}/5): {reason}", MAX_SUGGESTION_CHARS))
    return tuple(told[:MAX_SUGGESTIONS])


def bounded(text: str, limit: int) -> str:
    """Text of at most ``limit`` characters; says when something was left out."""
    if len(text) <= limit:
        return text
    note = f" [... {len(text) - limit} characters more]"
    return text[: max(0, limit - len(note))] + note


def _failed(row: SampleRow, metrics: Sequence[Metric]) -> SampleScores:
    reason = bounded(": ".join(filter(None, [row.reason, row.detail])) or "no sample", MAX_REASON_CHARS)
    lowest = Judgement(score=FAILED_SCORE, justification=reason)
    return SampleScores(
        sample_id=row.sample_id,
        seed_index=row.seed_index,
        judgements={metric.name: lowest for metric in metrics},
        failed=True,
    )


def _scored(row: SampleRow, judgements: Judgements | None) -> SampleScores:
    return SampleScores(sample_id=row.sample_id, seed_index=row.seed_index, judgements=judgements or {})


def _failures(scores: Iterable[SampleScores]) -> list[str]:
    reasons = Counter(next(iter(row.judgements.values())).justification for row in scores if row.failed)
    return [
        bounded(f"no sample ({number}x): {reason}", MAX_SUGGESTION_CHARS) for reason, number in reasons.most_common(2)
    ]
