"""Samples that repeat an exemplar count as failed, honest ones do not; exemplars do not quote the batch."""

from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork_evaluator.copies import without_copies
from graftwork_evaluator.copies import without_quotations

EXEMPLAR = (
    "Put two quarters of a pizza side by side: they cover as much as one half, so two quarters and one half are the "
    "same amount under two names."
)
HONEST = (
    "Fold a sheet of paper twice and open it again: you see four quarters. Colour two of them, and half of the sheet "
    "is coloured, because two quarters and one half are the same amount."
)


def metric(name: str = "Shows it", positive: str = EXEMPLAR, negative: str = "It is so.") -> Metric:
    return Metric(name=name, definition="d", positive_exemplar=positive, negative_exemplar=negative)


def row(text: str, index: int = 0) -> SampleRow:
    output = {"prompt": "Why are two quarters a half?", "completion": text}
    return SampleRow(sample_id=f"s{index}", seed_index=index, seed={}, output=output)


def test_a_sample_that_repeats_a_positive_exemplar_is_a_failed_candidate_with_a_name() -> None:
    [honest, copied] = without_copies([row(HONEST), row(EXEMPLAR.replace("pizza", "pie"), 1)], [metric()])
    assert honest == row(HONEST)
    assert (copied.ok, copied.reason) == (False, "copied_output")
    assert copied.detail == "the sample repeats the positive exemplar of 'Shows it', word for word"


def test_a_sample_that_is_pieced_together_from_exemplars_is_a_copy_too() -> None:
    [copied] = without_copies([row(f"{EXEMPLAR} {HONEST}")], [metric(), metric("Other", HONEST)])
    assert copied.reason == "copied_output"


def test_a_sample_on_the_lines_of_an_exemplar_is_honest() -> None:
    text = EXEMPLAR.replace("pizza", "cake") + " Try it with eighths: how many of them cover a half, and why is that?"
    longer = f"{text} {HONEST}"
    assert without_copies([row(longer)], [metric()]) == [row(longer)]


def test_likeness_to_a_negative_exemplar_or_to_an_empty_one_is_no_copy() -> None:
    assert without_copies([row(EXEMPLAR)], [metric(positive="", negative=EXEMPLAR)]) == [row(EXEMPLAR)]


def test_failed_candidates_keep_their_reason() -> None:
    failed = SampleRow(sample_id="s", seed_index=0, seed={}, reason="crashed", detail="KeyError")
    assert without_copies([failed], [metric()]) == [failed]


def test_an_exemplar_that_is_a_sample_of_the_batch_is_left_out() -> None:
    metrics = MetricSet(metrics=(metric("Quotes", HONEST, EXEMPLAR), metric("Own words", "A", "B")))
    found = without_quotations(metrics, [row(HONEST), row("A short one.", 1)])
    assert [(m.positive_exemplar, m.negative_exemplar) for m in found.metrics] == [("", EXEMPLAR), ("A", "B")]


def test_a_set_in_its_own_words_stays_as_it_is() -> None:
    metrics = MetricSet(metrics=(metric(),))
    assert without_quotations(metrics, [row(HONEST)]) is metrics
