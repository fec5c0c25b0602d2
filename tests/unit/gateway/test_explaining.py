"""A node says in words why it is there and what it changed."""

from graftwork.contracts.rest import TextDiff
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import Workflow
from graftwork_gateway import explaining
from tests.support.search_told import node

NAMES = ("node 0", "node 1")


def workflow(prompts: dict[str, str], code: str = "pass\n") -> Workflow:
    return Workflow(prompts=prompts, code=code)


def metrics(name: str) -> MetricSet:
    one = Metric(name=name, definition="Is it?", positive_exemplar="yes", negative_exemplar="no")
    return MetricSet(metrics=(one,))


def test_a_draw_is_told_with_its_odds_and_its_ticket() -> None:
    child = node(
        "job-1",
        3,
        parent_id="job-1:node:0",
        parent_probabilities={"job-1:node:0": 0.25, "job-1:node:2": 0.75},
        ticket=0.12345,
    )

    assert explaining.why(child) == "made from node 0, drawn among node 2 (75.0%), node 0 (25.0%), by the number 0.1235"


def test_a_root_has_no_parent_and_tells_what_a_person_wanted() -> None:
    assert explaining.why(node("job-1", 0)) == "the root: it has no parent"
    assert explaining.why(node("job-1", 0, feedback="Say\nmore.")).endswith("who said: Say more.")


def test_a_parent_without_a_draw_is_named_all_the_same() -> None:
    assert explaining.why(node("job-1", 1, parent_id="job-1:node:0")) == "made from node 0; no draw was told"


def test_a_long_draw_is_cut_short() -> None:
    odds = {f"job-1:node:{number}": 1 / 14 for number in range(14)}
    child = node("job-1", 14, parent_id="job-1:node:0", parent_probabilities=odds)

    assert explaining.why(child).endswith("and 4 more")


def test_only_what_changed_is_shown_prompts_first() -> None:
    before = workflow({"draft": "Explain it.\n", "check": "Is it true?\n"}, "a = 1\nb = 2\n")
    after = workflow({"draft": "Explain it.\nBriefly.\n", "check": "Is it true?\n"}, "a = 1\nb = 3\n")

    assert explaining.changes(before, after, names=NAMES) == (
        TextDiff(
            part="prompts/draft",
            diff="--- node 0/prompts/draft\n+++ node 1/prompts/draft\n@@ -1 +1,2 @@\n Explain it.\n+Briefly.\n",
        ),
        TextDiff(part="code", diff="--- node 0/code\n+++ node 1/code\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n"),
    )


def test_prompts_that_came_and_went_are_shown_whole() -> None:
    diffs = explaining.changes(workflow({"old": "x\n"}), workflow({"new": "y\n"}), names=NAMES)

    assert [(one.part, one.diff.splitlines()[-1]) for one in diffs] == [("prompts/new", "+y"), ("prompts/old", "-x")]


def test_a_last_line_without_an_end_is_marked_as_diff_does() -> None:
    [one] = explaining.changes(workflow({"draft": "a"}), workflow({"draft": "b"}), names=NAMES)

    assert one.diff.splitlines()[3:] == [
        "-a",
        "\\ No newline at end of file",
        "+b",
        "\\ No newline at end of file",
    ]


def test_the_same_workflow_has_no_changes() -> None:
    assert explaining.changes(workflow({"draft": "a"}), workflow({"draft": "a"}), names=NAMES) == ()


def test_every_metric_set_is_shown_with_its_overlap_and_which_was_kept() -> None:
    child = node("job-1", 1, overlaps=(0.2, 0.6), chosen_candidate=1)
    told = explaining.candidates(child, [metrics("clear"), metrics("true"), metrics("short")])

    assert [(one.metrics[0].name, one.overlap, one.chosen) for one in told] == [
        ("clear", 0.2, False),
        ("true", 0.6, True),
        ("short", None, False),
    ]
