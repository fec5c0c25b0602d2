"""What a search found, for people: the tree, the winner's prompts, some samples."""

import json
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from rich.console import Console
from rich.text import Text

from graftwork.cli.drawing import draw_tree
from graftwork.cli.words import node_name
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import NodeView

SAMPLES = 3
FETCHED = 20  # some of them may have failed
INDENT = " " * 4


async def show_search(client: AsyncGraftwork, job: JobView, console: Console) -> None:
    """Print the tree, and of the winner the prompts and three samples."""
    tree = await client.tree(job.id)
    console.print(draw_tree(f"{job.name} ({job.id})", tree.nodes, tree.job.snapshot))
    winner_id = tree.job.snapshot and (tree.job.snapshot.winner_node_id or tree.job.snapshot.best_node_id)
    if winner_id:
        show_node(await client.node(job.id, winner_id, samples=FETCHED), console)


def show_node(view: NodeView, console: Console) -> None:
    """Print a node's prompts and three of its samples."""
    name = node_name(view.node)
    for prompt, text in sorted(view.workflow.prompts.items()) if view.workflow else ():
        _titled(f"Prompt {prompt!r} of {name}", text, console)
    good = [row.output for row in view.samples if row.output is not None]
    for number, output in enumerate(good[:SAMPLES], start=1):
        _titled(f"Sample {number} of {name}", _record(output), console)


def _titled(title: str, text: str, console: Console) -> None:
    console.print(Text(title, style="bold"))
    console.print(Text(indent(text.strip(), INDENT)), end="\n\n")


def _record(output: Mapping[str, Any]) -> str:
    """Say a record field by field; what is no text as JSON."""
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in output.items()
    )
