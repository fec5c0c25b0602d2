"""Settings of every service that asks models."""

from pydantic import Field

from graftwork.kit.settings import ServiceSettings
from graftwork.models.addresses import PoolAddresses
from graftwork.models.addresses import PoolsSetting


class CallerSettings(ServiceSettings):
    """Where the pods are, and how much this process asks of them at once."""

    pools: PoolsSetting = Field(
        default=PoolAddresses.everywhere("127.0.0.1:50051"),
        description="gRPC target of the solvers: one for all pools, or a JSON object pool -> target",
    )
    model_calls_per_pool: int = Field(
        default=64, ge=1, description="most calls under way to each pool; further ones wait, on their own deadline"
    )
