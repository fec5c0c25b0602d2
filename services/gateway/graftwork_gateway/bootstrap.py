"""The only place that wires the gateway."""

import secrets
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from functools import partial

from graftwork.kit.clock import SystemClock
from graftwork.kit.http import Readiness
from graftwork.kit.service import Service
from graftwork.kit.service import open_blobs
from graftwork.kit.service import open_ledger
from graftwork.models.client import SolverClient
from graftwork.models.plane import ModelPlane
from graftwork_gateway.announcing import CallWebhook
from graftwork_gateway.app import create_app
from graftwork_gateway.deletion import DeletePayloads
from graftwork_gateway.deletion import EndPreview
from graftwork_gateway.deletion import delete_payloads
from graftwork_gateway.deletion import end_given_up_preview
from graftwork_gateway.documents import indexes
from graftwork_gateway.door import Door
from graftwork_gateway.handlers import SERVICE
from graftwork_gateway.handlers import projection
from graftwork_gateway.job_ids import new_job_id
from graftwork_gateway.keys import DEFAULT_TENANT
from graftwork_gateway.keys import remember_key
from graftwork_gateway.messenger import Messenger
from graftwork_gateway.messenger import new_http
from graftwork_gateway.retention import SweepRetention
from graftwork_gateway.retention import schedule
from graftwork_gateway.retention import sweep
from graftwork_gateway.settings import GatewaySettings
from graftwork_gateway.store import event_counts
from graftwork_gateway.watchers import Watchers


async def build(settings: GatewaySettings) -> Service:
    """Build the service; its first key is stored here, so that it opens from the first request on."""
    plane = SolverClient.of(settings)
    door = open_door(settings, plane)
    if settings.gateway_first_key is not None:
        first = settings.gateway_first_key.get_secret_value()
        await remember_key(door.ledger, first, DEFAULT_TENANT, name="first", admin=True)
    return wire(door, closing=(plane.close,))


def open_door(settings: GatewaySettings, plane: ModelPlane) -> Door:
    """The real ports; connections are made when they are first used."""
    clock = SystemClock()
    return Door(
        settings=settings,
        ledger=open_ledger(settings, SERVICE, clock),
        blobs=open_blobs(settings),
        plane=plane,
        clock=clock,
        new_job_id=partial(new_job_id, random_bytes=secrets.token_bytes),
        watchers=Watchers(),
        readiness=Readiness(),
    )


def wire(door: Door, *, closing: Sequence[Callable[[], Awaitable[None]]] = ()) -> Service:
    """The service behind these ports."""
    settings, watchers = door.settings, door.watchers
    counts = partial(event_counts, door.ledger.read)
    http = new_http()
    router = projection(watchers.ring)
    router.task(DeletePayloads)(delete_payloads)
    router.task(EndPreview)(end_given_up_preview)
    router.task(SweepRetention)(partial(sweep, ledger=door.ledger, defaults=settings.tenant_limits))
    tries = len(settings.webhook_retry_seconds) + 1
    router.task(CallWebhook, max_attempts=tries)(Messenger(http, door.ledger, settings).call)
    return Service(
        router=router,
        settings=settings,
        ledger=door.ledger,
        blobs=door.blobs,
        indexes=indexes(idempotency_hours=settings.idempotency_hours, retention_days=settings.retention_days),
        readiness=door.readiness,
        app=create_app(door),
        background=(
            partial(watchers.follow, counts, door.clock, settings.stream_poll_seconds),
            partial(schedule, door.ledger, settings.retention_sweep_seconds),
        ),
        closing=(*closing, http.aclose),
    )
