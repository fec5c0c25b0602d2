"""Checks a job against what the pools serve, before anything is spent."""

import asyncio
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import Scope
from graftwork.contracts.rest import PoolView
from graftwork.contracts.rest import ProblemError
from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import RetryableError
from graftwork.kit.fitting import unusable
from graftwork.kit.logging import get_logger
from graftwork.kit.runtimes import not_allowed
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import ModelPlane
from graftwork.models.plane import PoolDescription
from graftwork.models.roles import prompt_fault
from graftwork_gateway.errors import JobInvalid
from graftwork_gateway.settings import GatewaySettings
from graftwork_gateway.views import pool_view

log = get_logger(__name__)
Described = Mapping[str, PoolDescription | GraftworkError]
"""Pool -> what it serves, or why that cannot be told."""
_INSTRUCTED = frozenset({"optimizer", "evaluator", "judge"})
"""Roles whose calls begin with a system message."""


async def describe(plane: ModelPlane, pools: Iterable[str], timeout_seconds: float) -> Described:
    """Ask all pools side by side."""
    names = sorted(set(pools))
    answers = await asyncio.gather(*(_describe(plane, name, timeout_seconds) for name in names))
    return dict(zip(names, answers, strict=True))


async def _describe(plane: ModelPlane, pool: str, timeout_seconds: float) -> PoolDescription | GraftworkError:
    try:
        return await plane.describe(pool, timeout_seconds=timeout_seconds)
    except GraftworkError as error:
        return for_clients(pool, error)


def for_clients(pool: str, error: GraftworkError) -> GraftworkError:
    """What a client may hear of a pool's error; a pool's silence is told with its address to the log alone."""
    if not isinstance(error, RetryableError):
        return error
    log.warning("pool.silent", pool=pool, error=str(error))
    if isinstance(error, Overloaded):
        return Overloaded(f"pool {pool!r} is full", retry_after_seconds=error.retry_after_seconds)
    return DependencyDown(f"pool {pool!r} does not answer", retry_after_seconds=error.retry_after_seconds)


async def check_models(spec: JobSpec, plane: ModelPlane, settings: GatewaySettings) -> Mapping[str, PoolDescription]:
    """What the job's pools serve, once it is known that the job can be done.

    Raises ``JobInvalid`` with all mistakes; with none, the ``RetryableError`` of a pool that did not answer.
    """
    described = await describe(
        plane, (model.pool for model in spec.models.by_role().values()), settings.describe_seconds
    )
    mistakes = [
        *runtime_mistakes(spec, settings.sandbox_runtimes),
        *prompt_mistakes(spec),
        *schema_mistakes(spec),
        *mistakes_of(spec, described),
    ]
    if mistakes:
        raise JobInvalid("the job asks for what cannot be done here", mistakes)
    for answer in described.values():
        if isinstance(answer, RetryableError):
            raise answer
    return {pool: answer for pool, answer in described.items() if isinstance(answer, PoolDescription)}


def runtime_mistakes(spec: JobSpec, allowed: Sequence[WorkflowRuntime]) -> Iterator[ProblemError]:
    """A runtime that the operator does not allow."""
    if spec.runtime not in allowed:
        yield ProblemError(path="runtime", message=not_allowed(spec.runtime, allowed))


def prompt_mistakes(spec: JobSpec) -> Iterator[ProblemError]:
    """Prompts of the job's own that no role call could render."""
    for name, template in spec.role_prompts.items():
        fault = prompt_fault(template)
        if fault is not None:
            yield ProblemError(path=f"role_prompts.{name}", message=fault)


def schema_mistakes(spec: JobSpec) -> Iterator[ProblemError]:
    """What of the job's own schema would make every record unusable."""
    for fault in unusable(spec.output.json_schema):
        yield ProblemError(path="output.record_schema", message=fault)


def mistakes_of(spec: JobSpec, described: Described) -> Iterator[ProblemError]:
    """What of the job the pools cannot do. Pools that could not be asked are passed over."""
    for role, wanted in spec.models.by_role().items():
        pool = described[wanted.pool]
        if isinstance(pool, PoolDescription):
            model = served(pool, wanted.model)
            if model is None:
                yield _not_served(role, wanted.model, pool)
            elif spec.budget.cost_usd is not None and not _priced(role, model):
                yield _unpriced(model, pool)
            if pool.fixed is not None and role in _INSTRUCTED:
                yield _fixed(role, pool)
        elif not isinstance(pool, RetryableError):
            yield ProblemError(path=f"models.{role}.pool", message=str(pool))
    optimizer = described[spec.models.optimizer.pool]
    if isinstance(optimizer, PoolDescription):
        if not optimizer.writes_code and needs_code(spec):
            yield _cannot_write(optimizer)
        if optimizer.profile is Profile.COMPACT and spec.facets is None and spec.seeds is None:
            yield _cannot_propose_seeds(optimizer)


def pinned(spec: JobSpec, described: Mapping[str, PoolDescription]) -> JobSpec:
    """The job with every model named: lineage says which it was, and a pool's new default changes nothing."""
    named = {
        role: wanted.model_copy(update={"model": wanted.model or described[wanted.pool].default_model})
        for role, wanted in spec.models.by_role().items()
    }
    return spec.model_copy(update={"models": spec.models.model_copy(update=named)})


def served(pool: PoolDescription, name: str | None) -> ModelDescription | None:
    """The model of that name, or the pool's default one."""
    wanted = name or pool.default_model
    return next((model for model in pool.models if model.name == wanted), None)


def needs_code(spec: JobSpec) -> bool:
    """Whether the optimizer will have to write code: the root, or what is refined from it."""
    search = spec.search
    return search.initial.by_optimizer or (search.scope is Scope.BOTH and search.iterations > 0)


def _priced(role: str, model: ModelDescription) -> bool:
    embeds = role == "embedder"
    return model.prompt_usd_per_mtok is not None and (embeds or model.completion_usd_per_mtok is not None)


def _not_served(role: str, model: str | None, pool: PoolDescription) -> ProblemError:
    known = ", ".join(one.name for one in pool.models)
    message = f"pool {pool.pool!r} does not serve {model or pool.default_model!r}; it serves: {known}"
    return ProblemError(path=f"models.{role}.model", message=message)


def _fixed(role: str, pool: PoolDescription) -> ProblemError:
    message = (
        f"pool {pool.pool!r} is fixed: it refuses system messages, with which every call of the {role} begins; "
        "only the generator can be one"
    )
    return ProblemError(path=f"models.{role}.pool", message=message)


def _unpriced(model: ModelDescription, pool: PoolDescription) -> ProblemError:
    message = (
        f"the price of {model.name!r} (pool {pool.pool!r}) is unknown, so a money budget cannot be kept: "
        "limit calls or tokens, or give the pool its prices"
    )
    return ProblemError(path="budget.cost_usd", message=message)


def _cannot_write(pool: PoolDescription) -> ProblemError:
    message = (
        f"pool {pool.pool!r} does not write code: start from a starter or your own workflow, with scope: prompts "
        f"and models.profile: {pool.profile}"
    )
    return ProblemError(path="search.initial", message=message)


def _cannot_propose_seeds(pool: PoolDescription) -> ProblemError:
    message = f"the model of pool {pool.pool!r} is too small to propose a seed space: give facets or seeds"
    return ProblemError(path="facets", message=message)


def pool_views(described: Described) -> tuple[PoolView, ...]:
    """All pools, those that did not answer with the reason."""
    return tuple(
        pool_view(answer)
        if isinstance(answer, PoolDescription)
        else PoolView(pool=name, available=False, problem=str(answer))
        for name, answer in described.items()
    )
