"""The job: what a user asks for, as written in a job file or sent to ``POST /v1/jobs``.

Defaults follow the paper (AutoSynth, arXiv:2511.09488, section 3 and appendix); where it is silent
the field says so. Durations are in seconds, money in US dollars.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from typing import Literal
from typing import Self

from pydantic import ConfigDict
from pydantic import Field
from pydantic import field_validator
from pydantic import model_validator

from graftwork.contracts.base import Written
from graftwork.contracts.records import OutputSpec
from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.contracts.workflows import Metric

JOB_FILE_VERSION = 1
MAX_COUNT = 1_000_000
MAX_WHOLE = 2**53
"""Largest whole number that every reader of JSON holds exactly; ledgers hold it, too."""
MAX_SECONDS = 10 * 366 * 24 * 3600
MAX_ROWS = 100_000
MAX_METRICS = 20
STARTERS = ("explain", "facts", "messages", "qa")
ROLE_CALLS = (
    "propose_seeds",
    "init_workflow",
    "refine_workflow",
    "repair_workflow",
    "revise_workflow",
    "judge_workflow",
    "propose_metrics",
    "score_sample",
)


class Scope(StrEnum):
    """What the optimizer may change."""

    PROMPTS = "prompts"
    CODE = "code"
    BOTH = "both"


class Selection(StrEnum):
    """How the next parent is drawn.

    ``paper``: among the top k, in proportion to reward (AutoSynth, section 3.2). ``soft_mixed``: AFlow's mixture of a
    uniform and a softmax draw among the top k, the root always among them.
    """

    PAPER = "paper"
    SOFT_MIXED = "soft_mixed"


class RewardKind(StrEnum):
    """What the reward is made of: both halves (the paper), or one of them (its ablations)."""

    HYBRID = "hybrid"
    SAMPLE = "sample"
    WORKFLOW = "workflow"


class MetricsMode(StrEnum):
    """Where the metrics of an evaluation come from.

    ``regenerated``: several candidate sets each time, the one the others agree with most is kept (the paper).
    ``single``: one candidate each time, unquestioned. ``fixed``: one set for the whole search, the user's own or
    the root's.
    """

    REGENERATED = "regenerated"
    SINGLE = "single"
    FIXED = "fixed"


class OwnMetric(Metric):
    """A metric that the user wrote. Exemplars may be left out."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    positive_exemplar: str = ""
    negative_exemplar: str = ""


class ReviewMode(StrEnum):
    """Who says that the first workflow is good enough."""

    AUTO = "auto"
    HUMAN = "human"


class ReviewSpec(Written):
    """Whether a person looks at the first workflow and its samples. ``review: human`` is short for ``{mode: human}``.

    A review that asks for changes at the last round still gets them; the result is not shown again.
    """

    mode: ReviewMode = ReviewMode.AUTO
    rounds: int = Field(default=3, ge=1, le=3, description="times that a person is asked at most (paper: 1-3)")
    timeout_seconds: float | None = Field(
        default=None, gt=0, le=MAX_SECONDS, description="None: the job waits, and costs nothing"
    )
    on_timeout: Literal["approve", "cancel"] = "approve"

    @model_validator(mode="before")
    @classmethod
    def _is_a_mode_in_short(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value


class Profile(StrEnum):
    """Shape of the role calls. ``compact``: short fields and worked examples, for very small models."""

    STANDARD = "standard"
    COMPACT = "compact"


class InitialWorkflow(Written):
    """Where the root comes from: the optimizer (default), a built-in starter, or the user's own text."""

    model_config = ConfigDict(str_strip_whitespace=False)  # code and prompts stay byte for byte

    starter: str | None = None
    prompts: Mapping[str, str] | None = None
    code: str | None = None

    @field_validator("starter")
    @classmethod
    def _is_a_starter(cls, name: str | None) -> str | None:
        if name is not None and name not in STARTERS:
            msg = f"no starter is named {name!r}; there are {', '.join(STARTERS)}"
            raise ValueError(msg)
        return name

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if self.starter is not None and self.code is not None:
            msg = "give a starter or your own code, not both"
            raise ValueError(msg)
        if (self.prompts is None) != (self.code is None):
            msg = "your own workflow needs prompts and code"
            raise ValueError(msg)
        return self

    @property
    def by_optimizer(self) -> bool:
        """Whether the Optimizer LLM has to write it."""
        return self.starter is None and self.code is None


class SearchSpec(Written):
    """How to search. ``patience`` and the finalists are ours; the paper gives neither."""

    iterations: int = Field(default=30, ge=0, le=200)
    evaluation_samples: int = Field(default=8, ge=1, le=50, description="paper: 5-10")
    selection: Selection = Selection.PAPER
    reward: RewardKind = RewardKind.HYBRID
    metrics: MetricsMode = MetricsMode.REGENERATED
    own_metrics: tuple[OwnMetric, ...] = Field(
        default=(),
        max_length=MAX_METRICS,
        description="the user's own metrics: the fixed set where metrics is fixed, else the anchor set",
    )
    anchor: bool = Field(
        default=True,
        description="score every node by one frozen set too, which is logged and never steers; one call more a sample",
    )
    calibrate_metrics: bool = Field(
        default=False,
        description="drop metrics that do not score their own exemplars as meant; two calls more a metric",
    )
    width: int = Field(default=1, ge=1, le=8, description="children expanded at once; paper: 1")
    top_k: int = Field(default=3, ge=1, le=10)
    epsilon: float = Field(default=0.05, ge=0, le=4)
    patience: int = Field(default=5, ge=1, le=MAX_WHOLE)
    metric_candidates: int = Field(default=3, ge=1, le=5)
    metrics_per_set: tuple[int, int] = (5, 8)
    finalists: int = Field(default=3, ge=1, le=10)
    finalist_samples: int | None = Field(default=None, ge=1, le=MAX_WHOLE, description="default: evaluation_samples")
    max_consecutive_failures: int = Field(default=5, ge=1, le=MAX_WHOLE)
    scope: Scope = Scope.BOTH
    initial: InitialWorkflow = InitialWorkflow()

    @property
    def candidate_sets(self) -> int:
        """Metric sets proposed for one evaluation."""
        return self.metric_candidates if self.metrics is MetricsMode.REGENERATED else 1

    @field_validator("metrics_per_set")
    @classmethod
    def _is_a_range(cls, bounds: tuple[int, int]) -> tuple[int, int]:
        fewest, most = bounds
        if not 1 <= fewest <= most <= MAX_METRICS:
            msg = f"give the fewest and the most metrics, between 1 and {MAX_METRICS}"
            raise ValueError(msg)
        return bounds


class RoleModel(Written):
    """Which pool (and model of it) plays a role. None: the pool's own default."""

    pool: str
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_WHOLE)


class ModelsSpec(Written):
    """One entry per role. ``embedder`` None: metric overlap is lexical."""

    optimizer: RoleModel = RoleModel(pool="optimizer")
    evaluator: RoleModel = RoleModel(pool="evaluator")
    generator: RoleModel = RoleModel(pool="generator")
    embedder: RoleModel | None = None
    judge: RoleModel | None = Field(default=None, description="judges workflows; None: the optimizer, as in the paper")
    profile: Profile = Profile.STANDARD

    def by_role(self) -> dict[str, RoleModel]:
        """Role -> model, for the roles that have one."""
        roles = {"optimizer": self.optimizer, "evaluator": self.evaluator, "generator": self.generator}
        optional = {"embedder": self.embedder, "judge": self.judge}
        return {**roles, **{role: model for role, model in optional.items() if model is not None}}


class Budget(Written):
    """Hard limits of the whole job; None is unlimited. At most half of each goes to the search."""

    calls: int | None = Field(default=None, ge=1, le=MAX_WHOLE)
    tokens: int | None = Field(default=None, ge=1, le=MAX_WHOLE)
    cost_usd: float | None = Field(default=None, gt=0, le=MAX_WHOLE)
    wall_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    candidates: int | None = Field(
        default=None, ge=1, le=MAX_WHOLE, description="production candidates; default: 4 x count"
    )


class JobSpec(Written):
    """A synthesis request."""

    version: int = Field(default=JOB_FILE_VERSION, description="of the job file's format")
    name: str = Field(default="dataset", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    task: str = Field(min_length=10, max_length=20_000)
    count: int = Field(ge=1, le=MAX_COUNT, description="accepted rows wanted")
    strategy: Literal["autosynth"] = "autosynth"
    runtime: WorkflowRuntime = Field(
        default=WorkflowRuntime.MONTY, description="what runs workflows; cpython: the whole language, where allowed"
    )
    output: OutputSpec = OutputSpec()
    facets: Mapping[str, tuple[str, ...]] | None = None
    seeds: tuple[Mapping[str, Any], ...] | None = Field(default=None, max_length=MAX_ROWS)
    review: ReviewSpec = ReviewSpec()
    search: SearchSpec = SearchSpec()
    models: ModelsSpec = ModelsSpec()
    budget: Budget = Budget()
    role_prompts: Mapping[str, str] = Field(
        default_factory=dict, description="role call name -> Jinja template that replaces the built-in one"
    )
    seed: int = Field(default=0, ge=0, le=MAX_WHOLE, description="source of every random choice of this job")

    @field_validator("version")
    @classmethod
    def _can_be_read(cls, version: int) -> int:
        if version != JOB_FILE_VERSION:
            newer = version > JOB_FILE_VERSION
            msg = f"this Graftwork reads version {JOB_FILE_VERSION}; the file is of version {version}"
            raise ValueError(f"{msg}: a newer Graftwork can read it" if newer else msg)
        return version

    @field_validator("role_prompts")
    @classmethod
    def _are_role_calls(cls, prompts: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(prompts) - set(ROLE_CALLS))
        if unknown:
            msg = f"no role call is named {', '.join(unknown)}; there are {', '.join(ROLE_CALLS)}"
            raise ValueError(msg)
        return prompts

    @model_validator(mode="after")
    def _budget_is_possible(self) -> Self:
        if self.budget.candidates is not None and self.budget.candidates < self.count:
            msg = f"budget.candidates ({self.budget.candidates}) is below count ({self.count})"
            raise ValueError(msg)
        calls_needed = self.count
        if self.budget.calls is not None and self.budget.calls < calls_needed:
            msg = f"budget.calls ({self.budget.calls}) cannot make {self.count} rows: each costs a call at least"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _seeds_are_usable(self) -> Self:
        for name, values in (self.facets or {}).items():
            if not values:
                msg = f"facet {name!r} has no values"
                raise ValueError(msg)
        if self.seeds is not None and not self.seeds:
            msg = "seeds is empty: leave it out, or give rows"
            raise ValueError(msg)
        return self

    @property
    def candidate_budget(self) -> int:
        """Most production candidates that may be attempted."""
        return self.budget.candidates or 4 * self.count


class JobState(StrEnum):
    """What an API client sees."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING_FOR_REVIEW = "waiting_for_review"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether nothing can change any more."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class JobPhase(StrEnum):
    """Where a running job is. ``stopping`` waits for what was granted to come back."""

    QUEUED = "queued"
    INITIALISING = "initialising"
    REVIEWING = "reviewing"
    SEARCHING = "searching"
    FINALISING = "finalising"
    PRODUCING = "producing"
    CURATING = "curating"
    STOPPING = "stopping"
    ENDED = "ended"


class NodeState(StrEnum):
    """Where a node is."""

    REQUESTED = "requested"
    SAMPLING = "sampling"
    REVIEWING = "reviewing"
    SCORING = "scoring"
    SCORED = "scored"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    CRASHED = "crashed"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the node's evaluation is over."""
        return self not in {NodeState.REQUESTED, NodeState.SAMPLING, NodeState.REVIEWING, NodeState.SCORING}
