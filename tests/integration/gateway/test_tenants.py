"""Two tenants never see each other: every route of the API's document, every kind of id."""

from collections.abc import AsyncIterator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import httpx
import pytest
import pytest_asyncio

from tests.support.api import Ids
from tests.support.api import Operation
from tests.support.api import operations
from tests.support.api import problem_of
from tests.support.belongings import Belongings
from tests.support.belongings import as_an_admin
from tests.support.belongings import one_of_everything
from tests.support.doors import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATIONS = operations()
WITH_IDS = [one for one in OPERATIONS if one.ids and not one.for_admins]
LISTS = [one for one in OPERATIONS if one.method == "GET" and not one.for_admins and not one.parameters("path")]
POOLS = "list_pools"
"""What is everybody's."""
ORDER = ["GET", "POST", "PUT", "DELETE"]


def named(operation: Operation) -> str:
    return operation.name


@dataclass(frozen=True)
class Scene:
    """Two tenants who have one of everything, and an admin who has nothing."""

    mine: Gateway
    theirs: Gateway
    admin: Gateway
    my_things: Belongings
    their_things: Belongings

    @property
    def strangers(self) -> list[httpx.AsyncClient]:
        return [self.theirs.http, self.admin.http]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(shared_gateway: Gateway) -> AsyncIterator[Scene]:
    async with (
        shared_gateway.as_somebody_new() as mine,
        shared_gateway.as_somebody_new() as theirs,
        as_an_admin(shared_gateway) as admin,
    ):
        yield Scene(mine, theirs, admin, await one_of_everything(mine), await one_of_everything(theirs))


def mixtures(operation: Operation, scene: Scene) -> Sequence[Ids]:
    """Ids of both tenants in every mixture, but for those that are all the other's own."""
    theirs = scene.their_things.ids
    return [
        {name: owner[name] for name, owner in zip(operation.ids, owners, strict=True)}
        for mine in (scene.my_things.ids, scene.my_things.after_the_end)
        for owners in product((mine, theirs), repeat=len(operation.ids))
        if any(owner is mine for owner in owners)
    ]


@pytest.mark.parametrize("operation", WITH_IDS, ids=named)
async def test_what_belongs_to_others_does_not_exist(scene: Scene, operation: Operation) -> None:
    nowhere = dict.fromkeys(operation.ids, "nowhere")
    for http in scene.strangers:
        nothing = problem_of(await operation.send(http, nowhere))
        for ids in mixtures(operation, scene):
            answer = await operation.send(http, ids)
            problem = problem_of(answer)

            assert answer.status_code == 404, (operation.name, ids, answer.text)
            assert (problem.type, problem.title) == (nothing.type, nothing.title)
            assert bare(problem.detail, ids) == bare(nothing.detail, nowhere)


def bare(detail: str, ids: Ids) -> str:
    for one in sorted(ids.values(), key=len, reverse=True):
        detail = detail.replace(one, "")
    return detail


@pytest.mark.parametrize("operation", [one for one in LISTS if one.name != POOLS], ids=named)
async def test_lists_show_what_is_the_callers_own(scene: Scene, operation: Operation) -> None:
    own = (await operation.send(scene.mine.http, {}, params={"limit": "1"})).json()
    listed = await operation.send(scene.mine.http, {})
    elsewhere = [await operation.send(http, {}) for http in (scene.theirs.http, scene.admin.http)]
    if own.get("next_cursor"):
        elsewhere.append(await operation.send(scene.theirs.http, {}, params={"cursor": own["next_cursor"]}))

    assert listed.json()["items"]
    assert not [one for one in scene.their_things.every_id if one in listed.text]
    assert not [one for one in scene.my_things.every_id for answer in elsewhere if one in answer.text]
    assert elsewhere[1].json()["items"] == []


async def test_the_pools_are_everybodys(scene: Scene) -> None:
    answers = [await http.get("/v1/pools") for http in (scene.mine.http, *scene.strangers)]

    assert len({answer.content for answer in answers}) == 1


async def test_none_but_admins_have_their_routes(scene: Scene) -> None:
    admins = [one for one in OPERATIONS if one.for_admins]
    answers = [await one.send(scene.mine.http, {"key_id": "nowhere"}) for one in admins]

    assert admins
    assert {answer.status_code for answer in answers} == {403}


async def test_owners_find_everything_before_and_after_a_jobs_end(shared_gateway: Gateway) -> None:
    """The proof that the ids tried on the others are real; and nothing that is asked of an ended job is our fault."""
    async with shared_gateway.as_somebody_new() as mine:
        things = await one_of_everything(mine)
        for operation in sorted(WITH_IDS, key=lambda one: (ORDER.index(one.method), len(one.ids) * -1)):
            answers = [await operation.send(mine.http, things.ids)]
            if operation.ids == ["job_id"]:
                answers.append(await operation.send(mine.http, things.after_the_end))
            for answer in answers:
                operation.check(answer)
                assert answer.status_code != 404, (operation.name, answer.text)


async def test_of_a_job_that_was_deleted_nothing_can_be_found(gateway: Gateway) -> None:
    things = await one_of_everything(gateway)
    gone = await gateway.http.delete(f"/v1/jobs/{things.ended_job_id}")
    answers = [
        await operation.send(gateway.http, things.after_the_end) for operation in WITH_IDS if "job_id" in operation.ids
    ]
    dataset = await gateway.http.get(f"/v1/datasets/{things.ids['dataset_id']}")
    listed = await gateway.http.get("/v1/jobs")

    assert gone.status_code == 204
    assert {answer.status_code for answer in answers} == {404}
    assert dataset.status_code == 404
    assert [item["id"] for item in listed.json()["items"]] == [things.ids["job_id"]]
