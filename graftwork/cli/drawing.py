"""The workflow tree, drawn in the terminal."""

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from rich.tree import Tree

from graftwork.cli.words import node_name
from graftwork.cli.words import printable
from graftwork.cli.words import reward
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.workflows import CHEATS

MODIFICATION_WIDTH = 72
_LONGEST_LOOK = 1_000
BEST = Style(color="green", bold=True)
_QUIET = Style(dim=True)
_FAILED = Style(color="red")
_UNDER_WAY = Style(color="yellow")
_STYLES = {
    NodeState.SCORED: Style(),
    NodeState.DUPLICATE: _QUIET,
    NodeState.INVALID: _FAILED,
    NodeState.CRASHED: _FAILED,
    NodeState.FAILED: _FAILED,
}


def draw_tree(title: str, nodes: Sequence[NodeSnapshot], job: JobSnapshot | None) -> Tree:
    """Draw the nodes, each under its parent; one whose parent is not known yet stands at the top."""
    tree = Tree(Text(printable(title), style="bold"), guide_style="dim")
    known = {node.node_id for node in nodes}
    children: defaultdict[str | None, list[NodeSnapshot]] = defaultdict(list)
    for node in sorted(nodes, key=lambda node: (node.round, node.node_id)):
        children[node.parent_id if node.parent_id in known else None].append(node)
    _hang(tree, None, children, marks_of(job))
    return tree


def marks_of(job: JobSnapshot | None) -> Mapping[str, str]:
    """Node id -> what is special about it: the winner, or before there is one, the best so far."""
    if job is None or job.best_node_id is None:
        return {}
    return {job.best_node_id: "best"} if job.winner_node_id is None else {job.winner_node_id: "winner"}


def _hang(
    branch: Tree, parent_id: str | None, children: Mapping[str | None, list[NodeSnapshot]], marks: Mapping[str, str]
) -> None:
    for node in children.get(parent_id, ()):
        _hang(branch.add(node_label(node, marks.get(node.node_id))), node.node_id, children, marks)


def node_label(node: NodeSnapshot, mark: str | None = None) -> Text:
    """One line: name, reward, its halves, state, and what was changed."""
    style = BEST if mark else _STYLES.get(node.state, _UNDER_WAY)
    what = f"{node_name(node)}  R {reward(node.reward)}"
    parts = [what, _halves(node), _state(node), _cheats(node), f"★ {mark}" if mark else ""]
    label = Text("  ".join(part for part in parts if part), style=style)
    if said := _first_line(node.error or node.modification):
        label.append(f"  {said}", style=_QUIET)
    return label


def _halves(node: NodeSnapshot) -> str:
    if node.score_sample is None and node.score_workflow is None:
        return ""
    final = f", final {reward(node.final_reward)}" if node.final_reward is not None else ""
    return f"(samples {reward(node.score_sample)}, workflow {reward(node.score_workflow)}{final})"


def _cheats(node: NodeSnapshot) -> str:
    """What was refused as dishonest, by name; a failure of another kind is no news in a picture of the whole."""
    found = [f"{count} {reason}" for reason, count in sorted(node.samples_failed.items()) if reason in CHEATS]
    return ", ".join(found)


def _state(node: NodeSnapshot) -> str:
    return "" if node.state is NodeState.SCORED else str(node.state)


def _first_line(text: str | None) -> str:
    lines = printable((text or "").strip()[:_LONGEST_LOOK]).splitlines()
    if not lines:
        return ""
    return lines[0] if len(lines[0]) <= MODIFICATION_WIDTH else f"{lines[0][: MODIFICATION_WIDTH - 1]}…"
