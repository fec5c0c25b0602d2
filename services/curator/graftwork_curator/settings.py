"""Settings of the curator."""

from pydantic import Field

from graftwork.kit.settings import ServiceSettings


class CuratorSettings(ServiceSettings):
    """Read from ``GRAFTWORK_*``. The work is CPU-bound: more tasks at once than cores gain nothing."""

    task_concurrency: int = Field(default=2, ge=1, description="tasks under way at once in this process")
    rows_per_shard: int = Field(default=25_000, ge=1, description="most rows of one Parquet or rejected file")
    rows_per_group: int = Field(default=1_000, ge=1, description="rows of one Parquet row group")
    rows_per_blob: int = Field(default=5_000, ge=1, description="rows of one working blob of a production round")
    warm_indexes: int = Field(
        default=4, ge=0, description="jobs whose duplicate index stays in memory between rounds; 2.5 kB a row"
    )
