"""Keys and tenants, for admins."""

from typing import Annotated

from fastapi import Path
from fastapi import Response
from fastapi import status

from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import KeyList
from graftwork.contracts.rest_admin import KeyRequest
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.rest_admin import TenantName
from graftwork_gateway import admin
from graftwork_gateway import quotas
from graftwork_gateway.door import Ports
from graftwork_gateway.routing import admin_router
from graftwork_gateway.routing import nothing_more
from graftwork_gateway.routing import problems

router = admin_router("admin")

KeyId = Annotated[str, Path(description="`id` of a key, as listed")]
Name = Annotated[TenantName, Path(description="name of the tenant, which need not have a key yet")]


@router.post(
    "/admin/keys",
    status_code=status.HTTP_201_CREATED,
    summary="Create an API key",
    responses=problems(400, 413, 415),
)
async def create_key(wanted: KeyRequest, door: Ports) -> KeyCreated:
    """The answer alone has the key: only its hash is stored. A tenant begins to exist with its first key."""
    return await admin.create_key(door.ledger, wanted)


@router.get("/admin/keys", summary="List API keys")
async def list_keys(door: Ports) -> KeyList:
    """Keys of all tenants, newest first, those that were revoked too."""
    return await admin.list_keys(door.ledger.read)


@router.delete(
    "/admin/keys/{key_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Revoke an API key",
    responses=problems(404, 409),
)
async def revoke_key(key_id: KeyId, door: Ports) -> Response:
    """It is refused from now on, everywhere. The last admin key cannot be revoked."""
    await admin.revoke_key(door.ledger, key_id)
    return nothing_more()


@router.get("/admin/tenants/{tenant}", summary="Show a tenant's limits")
async def show_tenant(tenant: Name, door: Ports) -> TenantLimits:
    """Its own, or the gateway's defaults for one that was given none."""
    return await quotas.limits_of(door.ledger.read, tenant, door.settings.tenant_limits)


@router.put("/admin/tenants/{tenant}", summary="Set a tenant's limits", responses=problems(400, 413, 415))
async def set_tenant(tenant: Name, limits: TenantLimits, door: Ports) -> TenantLimits:
    """All of them: what is left out is not limited. They hold from the next request on."""
    return await door.ledger.transaction(lambda tx: quotas.set_limits(tx, tenant, limits))
