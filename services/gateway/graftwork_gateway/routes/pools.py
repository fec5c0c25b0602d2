"""The models that jobs can use."""

from graftwork.contracts.rest import PoolsView
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.pools import describe
from graftwork_gateway.pools import pool_views
from graftwork_gateway.routing import api_router

router = api_router("pools")


@router.get("/pools", summary="List pools")
async def list_pools(door: Ports, tenant: Tenant) -> PoolsView:
    """Every pool known here, asked now; one that does not answer says why."""
    del tenant  # pools are everybody's, but only for those with a key
    described = await describe(door.plane, door.settings.all_pools, door.settings.describe_seconds)
    return PoolsView(pools=pool_views(described))
