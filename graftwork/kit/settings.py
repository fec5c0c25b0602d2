"""Settings every service has; each service extends them with its own."""

import sys
from pathlib import Path
from typing import Literal
from typing import Self
from typing import TypeVar

from pydantic import Field
from pydantic import ValidationError
from pydantic import model_validator
from pydantic_settings import SettingsConfigDict
from pydantic_settings import SettingsError

from graftwork.kit.security_settings import SecuritySettings
from graftwork.kit.security_settings import mongo_mistake

S = TypeVar("S", bound="ServiceSettings")


class ServiceSettings(SecuritySettings):
    """Read once, from ``GRAFTWORK_*`` variables and files of secrets, when the process starts."""

    # hide_input: a mistake in one variable must not print the value of another, a secret's least of all.
    model_config = SettingsConfigDict(env_prefix="GRAFTWORK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    kafka: str = Field(default="127.0.0.1:9092", description="bootstrap servers, comma separated")
    mongo: str = Field(
        default="mongodb://127.0.0.1:27017/?replicaSet=rs0",
        repr=False,
        description="connection string",
    )
    namespace: str = Field(
        default="graftwork", pattern=r"^[a-z][a-z0-9_-]*$", description="prefix of topics, groups and databases"
    )
    blobs: str = Field(
        default=(Path.home() / ".graftwork" / "blobs").as_uri(), description="blob store: file, s3, gs or az URL"
    )
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65535, description="health and metrics; 0: any free port")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    topic_partitions: int = Field(default=3, ge=1)
    topic_replicas: int = Field(default=1, ge=1, description="copies of each partition; 3 in production")
    session_seconds: float = Field(
        default=10.0, ge=6, description="a consumer silent for longer is given up by its group; brokers refuse below 6"
    )
    admission_batch_records: int = Field(default=100, ge=1)
    task_concurrency: int = Field(default=16, ge=1, description="tasks under way at once in this process")
    lease_seconds: float = Field(default=30.0, gt=0.5)
    poll_seconds: float = Field(default=1.0, gt=0, description="fallback when no doorbell rings")
    watch_seconds: float = Field(default=10.0, gt=0, description="how often to measure what waits, for the metrics")
    retry_base_seconds: float = Field(default=1.0, gt=0)
    retry_cap_seconds: float = Field(default=20.0, gt=0, description="longest wait between two tries of a task")
    drain_seconds: float = Field(default=20.0, ge=0, description="how long running tasks may finish after SIGTERM")
    retention_days: float = Field(
        default=14.0,
        gt=7,
        description="inbox, finished tasks and journal; topics keep events for 7 days",
    )

    @model_validator(mode="after")
    def _mongo_fits(self) -> Self:
        if mistake := mongo_mistake(self.mongo, self):
            raise ValueError(mistake)
        return self


def read_settings(kind: type[S]) -> S:
    """Settings of this process; where they cannot be, end it with status 1 and one plain line for each mistake."""
    try:
        return kind()
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False, include_context=False)
        sys.exit("\n".join(_told(one["loc"], one["msg"]) for one in mistakes))
    except SettingsError as error:
        sys.exit(": ".join(map(str, filter(None, (error, error.__cause__)))))


def _told(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, location))
    return ": ".join(filter(None, (where, message.removeprefix("Value error, "))))
