"""Settings of the optimizer."""

from pydantic import Field

from graftwork.kit.settings import ServiceSettings
from graftwork.models.addresses import PoolAddresses
from graftwork.models.addresses import PoolsSetting


class OptimizerSettings(ServiceSettings):
    """Read from ``GRAFTWORK_*``. A task makes one model call at a time, so ``task_concurrency`` is what a pool sees."""

    pools: PoolsSetting = Field(
        default=PoolAddresses.everywhere("127.0.0.1:50051"),
        description="gRPC target of the solvers: one for all pools, or a JSON object pool -> target",
    )
