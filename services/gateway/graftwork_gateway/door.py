"""What every route may use; ``bootstrap`` fills it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from fastapi import Request

from graftwork.contracts.rest_admin import TenantLimits
from graftwork.kit.blobs import Blobs
from graftwork.kit.clock import Clock
from graftwork.kit.http import Readiness
from graftwork.kit.ledger import Ledger
from graftwork.models.plane import ModelPlane
from graftwork_gateway.keys import Caller
from graftwork_gateway.quotas import Allowance
from graftwork_gateway.settings import GatewaySettings
from graftwork_gateway.store import Store
from graftwork_gateway.watchers import Watchers

NewJobId = Callable[[datetime], str]


@dataclass(frozen=True)
class Door:
    """The ports of the gateway."""

    settings: GatewaySettings
    ledger: Ledger
    blobs: Blobs
    plane: ModelPlane
    clock: Clock
    new_job_id: NewJobId
    watchers: Watchers
    readiness: Readiness

    @property
    def store(self) -> Store:
        """Reads of the ledger."""
        return Store(self.ledger.read)


def _door(request: Request) -> Door:
    door: Door = request.app.state.door
    return door


def _tenant(request: Request) -> str:
    caller: Caller = request.state.caller
    return caller.tenant


def _limits(request: Request) -> TenantLimits:
    allowance: Allowance = request.state.allowance
    return allowance.limits


Ports = Annotated[Door, Depends(_door)]
Tenant = Annotated[str, Depends(_tenant)]
"""The caller's; the route class has checked the key before anything of the body was read."""

Limits = Annotated[TenantLimits, Depends(_limits)]
"""What the caller's tenant may use."""
