"""What a refinement is shown of the past."""

from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.workflows import Experience
from graftwork.contracts.workflows import SampleRow
from graftwork_optimizer import presentation


def tried(number: int, *, parent: str = "n1", after: float = 3.0, feedback: str = "") -> Experience:
    return Experience(
        node_id=f"c{number}",
        parent_id=parent,
        modification=f"change {number}",
        before=3.0,
        after=after,
        feedback=feedback,
    )


def test_changes_of_this_workflow_come_newest_first() -> None:
    memory = presentation.memory([tried(1), tried(2), tried(3, parent="c1")], "n1")
    assert [e.modification for e in memory.own] == ["change 2", "change 1"]
    assert [e.modification for e in memory.below] == ["change 3"]


def test_changes_further_down_are_chosen_by_how_much_they_moved() -> None:
    below = [tried(n, parent="c0", after=after) for n, after in enumerate([3.1, 1.0, 4.0])]
    memory = presentation.memory(below, "n1")
    assert [e.modification for e in memory.below] == ["change 1", "change 2", "change 0"]
    assert memory.below[0].gain == -2.0


@given(st.integers(0, 80), st.integers(0, 80))
def test_the_memory_is_bounded(own: int, below: int) -> None:
    experiences = [tried(n, feedback="long " * 500) for n in range(own)]
    experiences += [tried(n, parent="c0") for n in range(below)]
    memory = presentation.memory(experiences, "n1")
    assert (len(memory.own), len(memory.below)) == (min(own, 16), min(below, 8))
    assert all(len(e.feedback) <= presentation.MAX_FEEDBACK_CHARS for e in memory.own)


def test_suggestions_are_shown_once_and_bounded() -> None:
    shown = presentation.shown_suggestions(
        ["Be exact.", " Be exact. ", "", *[f"no {n} " + "x" * 900 for n in range(30)]]
    )
    assert shown[0] == "Be exact."
    assert len(shown) == presentation.MAX_SUGGESTIONS
    assert all(len(one) <= presentation.MAX_SUGGESTION_CHARS for one in shown)


def test_of_a_long_trace_the_end_is_shown() -> None:
    shown = presentation.clipped_trace("frame\n" * 5_000 + "KeyError: 'topic'")
    assert shown.endswith("KeyError: 'topic'")
    assert len(shown) < 6_100


def test_the_keys_of_seeds_are_shown_with_their_types_and_examples() -> None:
    rows = ({"fact": {"n": 1}, "source": "x" * 900},)
    space = SeedSpace(facets={"tone": ("calm", "gay"), "topic": tuple("abcdefgh")}, rows=rows)
    shown = presentation.seed_text(space).splitlines()
    assert shown[0] == 'fact (dict), for example: {"n": 1}'
    assert shown[1].startswith('source (str), for example: "xxx')
    assert len(shown[1]) < 250
    assert shown[2:] == ["tone (str), 2 values: calm; gay", "topic (str), 8 values: a; b; c; d; e; f; ..."]


def row(index: int, text: str | None) -> SampleRow:
    seed = {"topic": f"topic {index}"}
    if text is None:
        return SampleRow(sample_id=f"s{index}", seed_index=index, seed=seed, reason="crashed", detail="KeyError")
    return SampleRow(sample_id=f"s{index}", seed_index=index, seed=seed, output={"text": text, "n": [1]})


def test_a_revision_is_shown_a_few_records_good_ones_first() -> None:
    shown = presentation.shown_samples([row(0, None), *(row(index, f"text {index}") for index in range(1, 9))])
    assert [sample.seed for sample in shown] == [f"topic: topic {index}" for index in range(1, 5)]
    assert shown[0].record == "text: text 1\nn: [1]"


def test_records_that_failed_say_why_and_long_ones_are_cut() -> None:
    long, failed = presentation.shown_samples([row(0, None), row(1, "word " * 9_000)])
    assert len(long.record) <= presentation.MAX_RECORD_CHARS
    assert failed.record == "no record: crashed: KeyError"
