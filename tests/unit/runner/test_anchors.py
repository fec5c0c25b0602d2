"""The frozen ruler: crude, but on the right side."""

import pytest

from graftwork.contracts.workflows import SampleRow
from graftwork_runner.anchors import anchor_checks

SANE = (
    "To compare two fractions we look at the whole first. When the pieces are of one size, the fraction with more "
    "pieces is larger; when they are not, we cut both wholes into pieces of the same size and count again."
)


def row(text: str, topic: str = "comparing fractions", index: int = 0) -> SampleRow:
    return SampleRow(
        sample_id=f"s{index}",
        seed_index=index,
        seed={"topic": topic},
        output={"messages": [{"role": "user", "content": text}]},
    )


def letters() -> str:
    return " ".join("".join(chr(ord("a") + (i * i * 7 + j * i + 3 * j) % 17) for j in range(6)) for i in range(50))


def test_sane_text_passes() -> None:
    checks = anchor_checks([row(SANE)])
    assert checks.keys() == {"fresh_wording", "on_topic", "plain_language"}
    assert min(checks.values()) > 0.8


@pytest.mark.parametrize(
    ("text", "check"),
    [("the half is a half and " * 30, "fresh_wording"), (letters(), "plain_language"), (SANE, "on_topic")],
)
def test_what_is_wrong_shows_in_its_check(text: str, check: str) -> None:
    checks = anchor_checks([row(text, topic="volcanoes")])
    assert checks[check] < 0.3


def test_checks_are_means_over_good_samples() -> None:
    failed = SampleRow(sample_id="f", seed_index=9, seed={}, reason="crashed")
    checks = anchor_checks([row(SANE), row(SANE, topic="volcanoes"), failed])
    assert checks["on_topic"] == 0.5


def test_without_a_good_sample_nothing_is_claimed() -> None:
    assert anchor_checks([SampleRow(sample_id="f", seed_index=0, seed={}, reason="crashed")]) == {}


def test_an_empty_output_is_not_plain_language() -> None:
    checks = anchor_checks([row("")])
    assert (checks["plain_language"], checks["on_topic"]) == (0.0, 0.0)
