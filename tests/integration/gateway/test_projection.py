"""What search tells becomes what clients see, in whatever order and however often it arrives."""

import pytest

from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.jobs import JobState
from graftwork.contracts.snapshots import MOST_EXPERIENCES
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.workflows import Experience
from tests.support.doors import Gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import node

pytestmark = pytest.mark.asyncio(loop_scope="module")


def learned(parent: NodeSnapshot, child: NodeSnapshot) -> Experience:
    return Experience(node_id=child.node_id, parent_id=parent.node_id, modification="shorter", before=3.0, after=4.0)


def teaching(told: SearchAdvanced, experience: Experience, *nodes: NodeSnapshot) -> SearchAdvanced:
    return told.model_copy(update={"experience": experience, "taught": tuple(one.node_id for one in nodes)})


async def tree_of(gateway: Gateway, job_id: str, nodes: int) -> dict[str, dict[str, object]]:
    """Nodes by id, once there are so many."""

    async def grown() -> dict[str, dict[str, object]]:
        tree = (await gateway.http.get(f"/v1/jobs/{job_id}/tree")).json()
        assert len(tree["nodes"]) == nodes
        return {one["node_id"]: one for one in tree["nodes"]}

    return await assert_eventually(grown)


async def test_the_tree_has_every_node_as_last_told(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(advanced(job.id, 1, node=node(job.id, 0, reward=None)))
    await gateway.send(advanced(job.id, 2, node=node(job.id, 1, parent_id=f"{job.id}:node:0")))
    await gateway.send(advanced(job.id, 3, node=node(job.id, 0, reward=4.5)))
    await gateway.admitted(job.id, 3)
    tree = (await gateway.http.get(job.links["tree"])).json()

    assert [(one["node_id"], one["reward"]) for one in tree["nodes"]] == [
        (f"{job.id}:node:0", 4.5),
        (f"{job.id}:node:1", 3.0),
    ]
    assert tree["job"]["snapshot"]["version"] == 3


async def test_an_older_version_changes_nothing_that_a_newer_one_told(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(advanced(job.id, 2, node=node(job.id, 0, reward=4.5)))
    await gateway.send(advanced(job.id, 1, node=node(job.id, 0, reward=None)))
    await gateway.admitted(job.id, 2)
    view = (await gateway.http.get(job.links["self"])).json()
    nodes = await tree_of(gateway, job.id, 1)

    assert view["snapshot"]["version"] == 2
    assert nodes[f"{job.id}:node:0"]["reward"] == 4.5


async def test_what_a_node_learns_of_its_children_is_shown_until_it_is_told_itself(gateway: Gateway) -> None:
    job = await gateway.submit()
    root = node(job.id, 0)
    first, second = (learned(root, node(job.id, number)) for number in (1, 2))
    await gateway.send(advanced(job.id, 1, node=root))
    await gateway.send(teaching(advanced(job.id, 2, node=node(job.id, 1)), first, root))
    await gateway.send(advanced(job.id, 4, node=root.model_copy(update={"experiences": (first, second)})))
    await gateway.send(teaching(advanced(job.id, 3, node=node(job.id, 2)), second, root))
    await gateway.admitted(job.id, 4)
    nodes = await tree_of(gateway, job.id, 3)

    assert nodes[root.node_id]["experiences"] == [one.model_dump(mode="json") for one in (first, second)]


async def test_the_newest_that_a_node_has_learned_is_shown(gateway: Gateway) -> None:
    job = await gateway.submit()
    root = node(job.id, 0)
    await gateway.send(advanced(job.id, 1, node=root))
    children = [node(job.id, number) for number in range(1, MOST_EXPERIENCES + 3)]
    for child in children:
        await gateway.send(teaching(advanced(job.id, child.round + 1, node=child), learned(root, child), root))
    await gateway.admitted(job.id, len(children) + 1)
    shown = (await tree_of(gateway, job.id, len(children) + 1))[root.node_id]["experiences"]

    assert isinstance(shown, list)
    assert [one["node_id"] for one in shown] == [child.node_id for child in children[2:]]


async def test_what_is_told_twice_is_kept_once(gateway: Gateway) -> None:
    job = await gateway.submit()
    for source in ("/a", "/a", "/b"):
        await gateway.send(advanced(job.id, 1, node=node(job.id, 0)), source=source)
    for source in ("/a", "/b"):
        await gateway.send(finished(job.id, 2), source=source)
    await gateway.until(job.id, JobState.SUCCEEDED)
    await gateway.admitted(job.id, 2)

    assert len(await tree_of(gateway, job.id, 1)) == 1


async def test_the_end_may_be_told_before_the_rest(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(finished(job.id, 3, JobState.FAILED))
    await gateway.until(job.id, JobState.FAILED)
    await gateway.send(advanced(job.id, 1))
    await gateway.send(advanced(job.id, 2))
    await gateway.admitted(job.id, 3)

    assert (await gateway.until(job.id, JobState.FAILED)).snapshot is not None
