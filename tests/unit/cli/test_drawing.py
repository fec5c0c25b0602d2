import io
from datetime import UTC
from datetime import datetime
from typing import Any

from rich.console import Console

from graftwork.cli.drawing import draw_tree
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def node(number: int, parent: int | None = None, **fields: Any) -> NodeSnapshot:
    parent_id = None if parent is None else f"n{parent}"
    fields = {"state": "scored", "reward": 3.0, "score_sample": 2.5, "score_workflow": 3.5, **fields}
    return NodeSnapshot(node_id=f"n{number}", parent_id=parent_id, round=number, **fields)


def job(**fields: Any) -> JobSnapshot:
    return JobSnapshot(
        job_id="job-1", version=1, state=JobState.RUNNING, phase=JobPhase.SEARCHING, updated_at=NOW, **fields
    )


def drawn(nodes: list[NodeSnapshot], snapshot: JobSnapshot | None = None, *, colours: bool = False) -> list[str]:
    console = Console(
        file=io.StringIO(), width=100, force_terminal=colours, color_system="standard" if colours else None
    )
    console.print(draw_tree("fractions", nodes, snapshot))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_every_node_hangs_under_its_parent_with_reward_and_state() -> None:
    nodes = [
        node(2, 0, reward=None, score_sample=None, score_workflow=None, state="sampling"),
        node(0, modification="the first workflow"),
        node(1, 0, reward=3.456, modification="ask for one example\nand more"),
        node(3, 1, reward=1.0, state="crashed", score_sample=None, score_workflow=None, error="NameError: x\n at 3"),
    ]

    assert drawn(nodes, job(best_node_id="n1")) == [
        "fractions",
        "└── node 0  R 3.00  (samples 2.50, workflow 3.50)  the first workflow",
        "    ├── node 1  R 3.46  (samples 2.50, workflow 3.50)  ★ best  ask for one example",
        "    │   └── node 3  R 1.00  crashed  NameError: x",
        "    └── node 2  R -  sampling",
    ]


def test_the_winner_is_marked_instead_of_the_best_of_the_search() -> None:
    lines = drawn([node(0), node(1, 0, final_reward=3.2)], job(best_node_id="n0", winner_node_id="n1"))

    assert lines[1:] == [
        "└── node 0  R 3.00  (samples 2.50, workflow 3.50)",
        "    └── node 1  R 3.00  (samples 2.50, workflow 3.50, final 3.20)  ★ winner",
    ]


def test_a_node_whose_parent_is_unknown_stands_at_the_top() -> None:
    assert drawn([node(4, 3)])[1:] == ["└── node 4  R 3.00  (samples 2.50, workflow 3.50)"]


def test_what_models_wrote_is_text_and_never_markup() -> None:
    (_, line) = drawn([node(0, modification="[red]use[/red] [bold] :smile:")])

    assert line.endswith("[red]use[/red] [bold] :smile:")


def test_long_modifications_are_cut() -> None:
    (_, line) = drawn([node(0, modification="x" * 200, score_sample=None, score_workflow=None)])

    assert line == f"└── node 0  R 3.00  {'x' * 71}…"


def test_colours_only_on_a_terminal() -> None:
    assert "\x1b[" in "".join(drawn([node(0)], job(best_node_id="n0"), colours=True))
    assert "\x1b[" not in "".join(drawn([node(0)], job(best_node_id="n0")))


def test_what_was_refused_as_dishonest_is_named() -> None:
    cheat = node(0).model_copy(update={"samples_failed": {"canned_output": 3, "timed_out": 2}})
    [_, line] = drawn([cheat])
    assert "3 canned_output" in line
    assert "timed_out" not in line
