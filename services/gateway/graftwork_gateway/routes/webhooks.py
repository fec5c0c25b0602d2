"""Webhooks: who is told when a job ends or a review opens."""

from typing import Annotated

from fastapi import Path
from fastapi import status

from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookList
from graftwork.contracts.rest_admin import WebhookRequest
from graftwork_gateway import webhooks
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.idempotency import IdempotencyKey
from graftwork_gateway.routing import api_router
from graftwork_gateway.routing import problems
from graftwork_gateway.views import webhook_view

router = api_router("webhooks")

WebhookId = Annotated[str, Path(description="`id` of a webhook")]


@router.post(
    "/webhooks",
    status_code=status.HTTP_201_CREATED,
    summary="Create a webhook",
    responses=problems(400, 409, 413, 415),
)
async def create_webhook(wanted: WebhookRequest, door: Ports, tenant: Tenant, key: IdempotencyKey) -> WebhookCreated:
    """Call this address from now on, signed by the Standard Webhooks convention. The secret is shown only here."""
    once = key.once(wanted, WebhookCreated)
    return await once.answer(lambda tx: webhooks.create(tx, tenant, wanted, door.settings))


@router.get("/webhooks", summary="List webhooks")
async def list_webhooks(door: Ports, tenant: Tenant) -> WebhookList:
    """Newest first, with what came of the last call."""
    rows = await webhooks.listed(door.ledger.read, tenant)
    return WebhookList(items=tuple(map(webhook_view, rows)))


@router.delete(
    "/webhooks/{webhook_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a webhook",
    responses=problems(404),
)
async def delete_webhook(webhook_id: WebhookId, door: Ports, tenant: Tenant) -> None:
    """Call it no more."""
    await door.ledger.transaction(lambda tx: webhooks.delete(tx, tenant, webhook_id))
