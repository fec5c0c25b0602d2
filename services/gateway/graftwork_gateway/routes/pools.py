"""The models that jobs can use."""

from graftwork.contracts.rest import PoolChecksView
from graftwork.contracts.rest import PoolsView
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.pool_checks import check_pools
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


@router.post("/pools:check", summary="Check pools")
async def check_all_pools(door: Ports, tenant: Tenant) -> PoolChecksView:
    """The same, and a few tiny calls to each pool's default model: its latency, and whether it keeps to a schema.

    They cost some hundred tokens a pool, which belong to no job: nobody makes them unasked.
    """
    del tenant
    described = await describe(door.plane, door.settings.all_pools, door.settings.describe_seconds)
    return PoolChecksView(pools=await check_pools(door.plane, described, door.settings.pool_check_seconds))
