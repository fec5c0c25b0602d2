"""The only place that wires the optimizer."""

from graftwork.kit.service import Service
from graftwork.kit.service import open_blobs
from graftwork.kit.service import open_ledger
from graftwork.models.client import SolverClient
from graftwork.models.context import model_context
from graftwork_optimizer.settings import OptimizerSettings
from graftwork_optimizer.tasks import router


async def build(settings: OptimizerSettings) -> Service:
    """Build the service; connections are made when it runs."""
    plane = SolverClient.of(settings)
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, router.service),
        blobs=open_blobs(settings),
        context=model_context(plane),
        closing=(plane.close,),
    )
