"""What the server is told to do: quality of its answers, speed, and the ways in which it fails."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated
from typing import Any
from typing import Self

from pydantic import BaseModel
from pydantic import ConfigDict
from pydantic import Field
from pydantic import model_validator

GENERATION = "generation"
EMBEDDINGS = "embeddings"
ANY_ROLE = "*"

WORKFLOW_ROLES = frozenset({"init_workflow", "refine_workflow", "repair_workflow", "revise_workflow"})
SCORING_ROLES = frozenset({"score_sample", "judge_workflow"})
ROLES = WORKFLOW_ROLES | SCORING_ROLES | {"propose_seeds", "propose_metrics"}

Share = Annotated[float, Field(ge=0, le=1)]


class Fault(StrEnum):
    """One way to fail. The README's table says what each looks like on the wire."""

    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    DISCONNECT = "disconnect"
    HTML = "html"
    BROKEN_BODY = "broken_body"
    STRAGGLER = "straggler"
    MISSING_USAGE = "missing_usage"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    PROSE = "prose"
    OUT_OF_RANGE = "out_of_range"
    COPIED = "copied"
    CODE_CRASHES = "code_crashes"
    CODE_YIELDS = "code_yields"
    CODE_DOES_NOT_PARSE = "code_does_not_parse"
    CODE_LOOPS = "code_loops"
    CODE_IS_CANNED = "code_is_canned"
    CODE_RETURNS_WRONG_SHAPE = "code_returns_wrong_shape"
    CODE_IS_HOSTILE = "code_is_hostile"

    @property
    def in_code(self) -> bool:
        """Whether the fault is a bug in a workflow that the server writes."""
        return self.value.startswith("code_")

    def suits(self, role: str) -> bool:
        """Whether a call of ``role`` can fail in this way."""
        if self.in_code:
            return role in WORKFLOW_ROLES
        if self is Fault.COPIED:
            return role == GENERATION
        if self is Fault.OUT_OF_RANGE:
            return role in SCORING_ROLES
        if self in {Fault.MALFORMED, Fault.PROSE}:
            return role not in {GENERATION, EMBEDDINGS}
        if self in {Fault.EMPTY, Fault.TRUNCATED}:
            return role != EMBEDDINGS
        return True


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quality(_Strict):
    """The hidden quality q in [0, 1] of workflows, and what a refinement does to it.

    A good refinement closes a share ``gain`` of the gap to 1, a bad one takes ``loss`` off.
    """

    start: Share = 0.3
    good_share: Share = 0.6
    gain: tuple[Share, Share] = (0.4, 0.6)
    loss: tuple[Share, Share] = (0.08, 0.25)
    text_noise: Share = 0.03
    metric_spread: Share = 0.05
    repeat_share: Share = Field(default=0.05, description="refinements that repeat one tried before")
    muddled_metric_share: Share = Field(default=0.0, description="metrics whose exemplars score 3, both")
    second_call_share: Share = Field(default=0.15, description="workflows written with a draft and a polishing call")


class Behaviour(_Strict):
    """Speed and failures. ``rates`` are shares of calls, drawn anew when a call is repeated."""

    latency_ms: float = Field(default=0.0, ge=0)
    jitter_ms: float = Field(default=0.0, ge=0)
    straggler_ms: float = Field(default=2000.0, ge=0)
    max_in_flight: int | None = Field(default=None, ge=0, description="calls beyond it are answered 429")
    retry_after_seconds: float = Field(default=1.0, ge=0)
    error_status: int = Field(default=503, ge=500, le=599)
    rates: Mapping[Fault, Share] = Field(default_factory=dict)


class Planned(_Strict):
    """The next ``count`` calls of ``role`` (``*``: of any role) fail so."""

    role: str = ANY_ROLE
    fault: Fault
    count: int = Field(default=1, ge=1)


class Script(_Strict):
    """All of it. ``roles`` overrides single fields of ``behaviour`` for a role."""

    seed: int = 0
    models: tuple[str, ...] = Field(default=("scripted",), min_length=1)
    api_key: str | None = None
    quality: Quality = Quality()
    behaviour: Behaviour = Behaviour()
    roles: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    next: tuple[Planned, ...] = ()

    @model_validator(mode="after")
    def _overrides_are_valid(self) -> Self:
        for role in self.roles:
            self.behaviour_of(role)
        return self

    def behaviour_of(self, role: str) -> Behaviour:
        """The behaviour for calls of ``role``; its rates are added to the general ones."""
        override = self.roles.get(role)
        if override is None:
            return self.behaviour
        return Behaviour.model_validate(merged(self.behaviour.model_dump(), override))

    def changed(self, patch: Mapping[str, Any]) -> "Script":
        """This script with the fields of ``patch``, merged key by key; raises ``ValidationError``."""
        return Script.model_validate(merged(self.model_dump(), patch))


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``patch`` laid over it, mappings merged at every depth."""
    result = dict(base)
    for key, value in patch.items():
        below = result.get(key)
        nested = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if nested else value  # type: ignore[arg-type]
    return result
