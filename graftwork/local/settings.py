"""Settings of the servers on this machine."""

from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path
from pydantic import AliasChoices
from pydantic import Field
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from pydantic_settings import SettingsConfigDict


class LocalSettings(BaseSettings):
    """Which servers are given, and how the others are started.

    An address that is given always wins over starting a server.
    """

    model_config = SettingsConfigDict(
        env_prefix="GRAFTWORK_", env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    kafka: str | None = Field(default=None, description="bootstrap servers of a Kafka that runs already: host:port")
    mongo: str | None = Field(default=None, description="URL of a MongoDB replica set that runs already")
    openai_base_url: str | None = Field(
        default=None, validation_alias="OPENAI_BASE_URL", description="an OpenAI-compatible endpoint, up to /v1"
    )
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("GRAFTWORK_SOLVERS_API_KEY", "OPENAI_API_KEY")
    )
    solvers_backend: Literal["openai", "vllm"] = Field(
        default="openai", description="vllm: the solvers run an engine of their own, and need no endpoint"
    )
    cache_dir: Path = Field(
        default_factory=lambda: user_cache_path("graftwork"), description="where Kafka's jars are kept, 45 MiB"
    )
    min_free_disk_mib: int = Field(default=1024, ge=0, description="no server is started with less room than this")
    start_timeout_seconds: float = Field(default=90, gt=0)
    solvers_vllm_start_seconds: float = Field(default=1800, gt=0, description="for an engine of the solvers' own")
    stop_timeout_seconds: float = Field(default=15, gt=0, description="from SIGTERM to SIGKILL")
    download_timeout_seconds: float = Field(default=600, gt=0)
    kafka_heap_mib: int = Field(default=512, ge=128)
    mongo_cache_gib: float = Field(default=0.25, ge=0.25, description="WiredTiger cache; 0.25 is mongod's least")
    tiny_model_slots: int = Field(default=2, ge=1, description="calls served at once; more add no throughput")
    tiny_model_slot_tokens: int = Field(default=4096, ge=512, description="longest prompt and answer of one call")
