"""Settings of the evaluator."""

from pydantic import Field

from graftwork.kit.settings import ServiceSettings
from graftwork.models.addresses import PoolAddresses
from graftwork.models.addresses import PoolsSetting


class EvaluatorSettings(ServiceSettings):
    """Read from ``GRAFTWORK_*``. ``task_concurrency`` times the samples of a batch is what the pools see at once."""

    pools: PoolsSetting = Field(
        default=PoolAddresses.everywhere("127.0.0.1:50051"),
        description="gRPC target of the solvers: one for all pools, or a JSON object pool -> target",
    )
