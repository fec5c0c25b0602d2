"""Settings of the search service."""

from pydantic import Field

from graftwork.kit.settings import ServiceSettings


class SearchSettings(ServiceSettings):
    """How long a worker may be silent, and how production is cut into pieces."""

    workflow_seconds: float = Field(default=900, gt=0, description="deadline of seeds and workflow requests")
    samples_seconds: float = Field(default=1_800, gt=0, description="deadline of a samples request")
    scores_seconds: float = Field(default=1_800, gt=0, description="deadline of a scores request")
    curation_seconds: float = Field(default=1_800, gt=0, description="deadline of acceptance and publishing")
    silence_slack_seconds: float = Field(
        default=30, ge=0, description="how long after a deadline search waits before it calls a worker silent"
    )
    chunk_seeds: int = Field(default=10, ge=1, description="production seeds in one samples request")
    round_chunks: int = Field(default=100, ge=1, description="most requests of one production round")
