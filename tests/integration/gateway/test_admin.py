"""Keys and tenants over REST: made, listed, revoked, limited; for admins only."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio

from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import KeyList
from graftwork.contracts.rest_admin import KeyView
from graftwork_gateway.keys import new_key
from graftwork_gateway.keys import remember_key
from tests.support.doors import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def with_key(gateway: Gateway, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=gateway.http.base_url, headers=headers) as http:
        yield http


@pytest_asyncio.fixture(loop_scope="module")
async def admin(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the only admin key there is."""
    ledger, key = gateway.door.ledger, new_key()
    await ledger.transaction(lambda tx: tx.delete("keys", {"admin": True}))
    await remember_key(ledger, key, "default", name="first", admin=True)
    async with with_key(gateway, key) as http:
        yield http


async def created(http: httpx.AsyncClient, **more: Any) -> KeyCreated:
    answer = await http.post("/v1/admin/keys", json={"tenant": f"team-{secrets.token_hex(4)}", **more})
    assert answer.status_code == 201, answer.text
    return KeyCreated.model_validate_json(answer.content)


async def listed(admin: httpx.AsyncClient) -> tuple[KeyView, ...]:
    return KeyList.model_validate_json((await admin.get("/v1/admin/keys")).content).items


async def test_a_key_that_was_created_opens_the_door_of_its_tenant(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    mine = await gateway.submit()
    made = await created(admin, name="ci")
    async with with_key(gateway, made.key) as http:
        theirs = await http.get("/v1/jobs")
        hidden = await http.get(mine.links["self"])

    assert (made.name, made.admin, made.hint, made.revoked_at) == ("ci", False, made.key[:7], None)
    assert (theirs.status_code, theirs.json()["items"]) == (200, [])
    assert hidden.status_code == 404


async def test_keys_are_listed_newest_first_and_never_shown(admin: httpx.AsyncClient) -> None:
    made = [await created(admin, name=f"key {number}") for number in range(3)]
    answer = await admin.get("/v1/admin/keys")
    mine = {key.id for key in made}

    assert [key.id for key in await listed(admin) if key.id in mine] == [key.id for key in reversed(made)]
    assert not [key for key in made if key.key in answer.text]


async def test_a_key_is_kept_as_its_hash_only(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    made = await created(admin)
    rows = [
        row
        for collection in await gateway.door.ledger.database.list_collection_names()
        for row in await gateway.door.ledger.read.find(collection, {})
    ]

    assert rows
    assert not [row for row in rows if made.key in str(row)]


async def test_a_revoked_key_opens_nothing_any_more(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    made = await created(admin)
    async with with_key(gateway, made.key) as http:
        before = await http.get("/v1/jobs")
        gone = await admin.delete(f"/v1/admin/keys/{made.id}")
        again = await admin.delete(f"/v1/admin/keys/{made.id}")
        after = await http.get("/v1/jobs")
    await remember_key(gateway.door.ledger, made.key, made.tenant)  # as a restart with it in the settings
    [row] = [key for key in await listed(admin) if key.id == made.id]

    assert [answer.status_code for answer in (before, gone, again, after)] == [200, 204, 204, 401]
    assert after.json()["detail"] == "this API key was revoked"
    assert row.revoked_at is not None


async def test_a_key_that_is_not_there_cannot_be_revoked(admin: httpx.AsyncClient) -> None:
    assert (await admin.delete("/v1/admin/keys/key-none")).status_code == 404


async def test_of_two_admins_who_revoke_each_other_one_stays(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    rows = [await created(admin, admin=True) for _ in range(2)]
    [first] = [key for key in await listed(admin) if key.name == "first"]
    await admin.delete(f"/v1/admin/keys/{first.id}")
    async with with_key(gateway, rows[0].key) as one, with_key(gateway, rows[1].key) as other:
        answers = await asyncio.gather(
            one.delete(f"/v1/admin/keys/{rows[1].id}"), other.delete(f"/v1/admin/keys/{rows[0].id}")
        )
        alive = [(await http.get("/v1/admin/keys")).status_code for http in (one, other)]

    assert sorted(alive) == [200, 401]
    assert 204 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {204, 401, 409}


async def test_the_last_admin_key_stays(admin: httpx.AsyncClient) -> None:
    await created(admin)
    revoked = await created(admin, admin=True)
    first = await admin.delete(f"/v1/admin/keys/{revoked.id}")
    [own] = [key for key in await listed(admin) if key.name == "first"]
    last = await admin.delete(f"/v1/admin/keys/{own.id}")

    assert first.status_code == 204
    assert (last.status_code, last.json()["type"]) == (409, "urn:graftwork:problem:last_admin_key")
    assert (await admin.get("/v1/admin/keys")).status_code == 200


async def test_the_admins_routes_are_for_admins(gateway: Gateway) -> None:
    answers = [
        await gateway.http.get("/v1/admin/keys"),
        await gateway.http.post("/v1/admin/keys", content=b"not even read"),
        await gateway.http.delete("/v1/admin/keys/key-none"),
        await gateway.http.get("/v1/admin/tenants/default"),
        await gateway.http.put("/v1/admin/tenants/default", json={}),
    ]

    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {
        (403, "urn:graftwork:problem:admins_only")
    }


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "tenant"),
        ({"tenant": "No Good"}, "tenant"),
        ({"tenant": "a:b"}, "tenant"),
        ({"tenant": "a", "name": "x" * 101}, "name"),
        ({"tenant": "a", "admn": True}, "admn"),
    ],
)
async def test_a_key_that_is_asked_for_wrongly_is_not_made(
    admin: httpx.AsyncClient, body: dict[str, Any], wrong: str
) -> None:
    before = await listed(admin)
    answer = await admin.post("/v1/admin/keys", json=body)

    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [wrong]
    assert await listed(admin) == before


async def test_a_tenant_has_the_defaults_until_it_is_given_limits(gateway: Gateway, admin: httpx.AsyncClient) -> None:
    path = f"/v1/admin/tenants/team-{secrets.token_hex(4)}"
    before = (await admin.get(path)).json()
    put = await admin.put(path, json={"open_jobs": 3})
    after = (await admin.get(path)).json()
    unlimited = {"requests_per_minute": None, "open_jobs": None, "rows_per_job": None, "retention_days": None}

    assert before == gateway.door.settings.tenant_limits.model_dump()
    assert put.status_code == 200
    assert put.json() == after == {**unlimited, "open_jobs": 3}
    assert (await admin.put(path, json={})).json() == unlimited


@pytest.mark.parametrize("body", [{"open_jobs": 0}, {"requests_per_minute": -1}, {"retention_days": 0}, {"rows": 3}])
async def test_limits_that_are_none_are_refused(admin: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await admin.put("/v1/admin/tenants/default", json=body)).status_code == 422
    assert (await admin.get("/v1/admin/tenants/No%20Good")).status_code == 422
