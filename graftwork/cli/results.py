"""What a search found, for people: the tree, the winner's prompts, some samples."""

from rich.console import Console

from graftwork.cli.drawing import draw_tree
from graftwork.cli.reading import show_prompts
from graftwork.cli.reading import show_sample
from graftwork.cli.words import node_name
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import NodeView

SAMPLES = 3
FETCHED = 20  # some of them may have failed


async def show_search(client: AsyncGraftwork, job: JobView, console: Console) -> None:
    """Print the tree, and of the winner the prompts and three samples."""
    tree = await client.tree(job.id)
    console.print(draw_tree(f"{job.name} ({job.id})", tree.nodes, tree.job.snapshot))
    winner_id = tree.job.snapshot and (tree.job.snapshot.winner_node_id or tree.job.snapshot.best_node_id)
    if winner_id:
        show_node(await client.node(job.id, winner_id, samples=FETCHED), console)


def show_node(view: NodeView, console: Console) -> None:
    """Print a node's prompts and three of its samples."""
    of = f" of {node_name(view.node)}"
    if view.workflow is not None:
        show_prompts(view.workflow, of, console)
    good = [row for row in view.samples if row.ok]
    for number, row in enumerate(good[:SAMPLES], start=1):
        show_sample(f"Sample {number}{of}", row, console)
