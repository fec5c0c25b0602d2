"""Why a node is what it is, in words. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from difflib import unified_diff
from itertools import zip_longest

from graftwork.contracts.rest import MetricCandidate
from graftwork.contracts.rest import TextDiff
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import Workflow

_SHOWN = 10


def why(node: NodeSnapshot) -> str:
    """How the node's parent was chosen, in one line."""
    if node.parent_id is None:
        told = "the root: it has no parent"
        return f"{told}; it was revised for a person, who said: {_one_line(node.feedback)}" if node.feedback else told
    parent = short(node.parent_id)
    if not node.parent_probabilities:
        return f"made from {parent}; no draw was told"
    return f"made from {parent}, drawn among {_odds(node)}{_ticket(node)}"


def _odds(node: NodeSnapshot) -> str:
    likely = sorted(node.parent_probabilities.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{short(name)} ({share:.1%})" for name, share in likely[:_SHOWN])
    return shown if len(likely) <= _SHOWN else f"{shown} and {len(likely) - _SHOWN} more"


def _ticket(node: NodeSnapshot) -> str:
    return "" if node.ticket is None else f", by the number {node.ticket:.4f}"


def short(node_id: str) -> str:
    """``job-1:node:3`` -> ``node 3``, as messages call it."""
    *_, kind, number = ["", *node_id.split(":")]
    return f"{kind} {number}" if kind else node_id


def _one_line(text: str) -> str:
    return " ".join(text.split())


def changes(parent: Workflow, child: Workflow, *, names: tuple[str, str]) -> tuple[TextDiff, ...]:
    """Unified diffs of every part that differs: prompts by name, then the code. ``names``: of parent and child."""
    return tuple(_changes(_parts(parent), _parts(child), names))


def _parts(workflow: Workflow) -> dict[str, str]:
    return {**{f"prompts/{name}": text for name, text in sorted(workflow.prompts.items())}, "code": workflow.code}


def _changes(before: Mapping[str, str], after: Mapping[str, str], names: tuple[str, str]) -> Iterator[TextDiff]:
    prompts = sorted({*before, *after} - {"code"})
    for part in (*prompts, "code"):
        old, new = before.get(part, ""), after.get(part, "")
        if old != new:
            yield TextDiff(part=part, diff=diff(old, new, f"{names[0]}/{part}", f"{names[1]}/{part}"))


def diff(old: str, new: str, old_name: str, new_name: str) -> str:
    """A unified diff; says where the last line has no end, as diff does."""
    lines = unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), old_name, new_name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def candidates(node: NodeSnapshot, sets: Sequence[MetricSet]) -> tuple[MetricCandidate, ...]:
    """Metric sets in the order they were proposed, each with its overlap where that was told."""
    pairs = zip_longest(sets, node.overlaps[: len(sets)])
    return tuple(
        MetricCandidate(metrics=one.metrics, overlap=overlap, chosen=number == node.chosen_candidate)
        for number, (one, overlap) in enumerate(pairs)
    )
