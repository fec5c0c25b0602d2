"""What somebody should know before a job is submitted. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import RewardKind
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.rest_plans import Estimate
from graftwork.contracts.rest_plans import Estimated
from graftwork.contracts.rest_plans import ValidationView
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.usage import SpendPurpose
from graftwork.models.plane import PoolDescription
from graftwork_gateway.estimates import estimate
from graftwork_gateway.estimates import total

_SEARCH_SHARE = 0.5  # of the budget, at most: see Budget
_LIMITS = ("calls", "tokens", "cost_usd")


def validation(spec: JobSpec, pools: Mapping[str, PoolDescription]) -> ValidationView:
    """Estimate and warnings for a valid job. ``pools``: those that it names."""
    foreseen = estimate(spec, pools)
    return ValidationView(estimate=foreseen, warnings=tuple(warnings(spec, foreseen, pools)))


def warnings(spec: JobSpec, foreseen: Estimate, pools: Mapping[str, PoolDescription]) -> Iterator[str]:
    """What is allowed, and probably not meant; one readable line each."""
    yield from _tight_budget(spec, foreseen)
    yield from _few_seeds(spec)
    yield from _own_judges(spec, pools)


def _tight_budget(spec: JobSpec, foreseen: Estimate) -> Iterator[str]:
    production = foreseen.by_purpose.get(SpendPurpose.PRODUCTION.value, Estimated(calls=0, tokens=0, cost_usd=0.0))
    search = total(part for name, part in foreseen.by_purpose.items() if name != SpendPurpose.PRODUCTION.value)
    for name in _LIMITS:
        limit = getattr(spec.budget, name)
        if limit is None:
            continue
        needed, searched = getattr(production, name), getattr(search, name)
        if needed is not None and needed > limit:
            yield f"budget.{name} ({limit:g}) is below what {spec.count} rows are expected to need alone ({needed:g})"
        elif searched is not None and searched > limit * _SEARCH_SHARE:
            yield (
                f"the search is expected to want {searched:g} of budget.{name} ({limit:g}) and may have half of it: "
                "it will end early"
            )
        elif needed is not None and searched is not None and needed + searched > limit:
            yield f"budget.{name} ({limit:g}) is below the expectation ({needed + searched:g}): rows may be missing"


def _few_seeds(spec: JobSpec) -> Iterator[str]:
    if spec.facets is None and spec.seeds is None:
        return
    if not spec.facets and not spec.seeds:
        return
    size = SeedSpace(facets=spec.facets or {}, rows=spec.seeds or ()).size
    if size < spec.count:
        yield f"there are {size} combinations of facets and seeds for {spec.count} rows: several rows will share one"


def _own_judges(spec: JobSpec, pools: Mapping[str, PoolDescription]) -> Iterator[str]:
    models, reward = spec.models, spec.search.reward
    if reward is not RewardKind.WORKFLOW and _same(models.evaluator, models.generator, pools):
        yield "evaluator and generator are the same model: it will judge its own writing"
    if models.judge is not None and reward is not RewardKind.SAMPLE and _same(models.judge, models.optimizer, pools):
        yield "models.judge is the optimizer's model: it will judge its own workflows, as without a judge"


def _same(one: RoleModel, other: RoleModel, pools: Mapping[str, PoolDescription]) -> bool:
    return one.pool == other.pool and _name(one, pools) == _name(other, pools)


def _name(role: RoleModel, pools: Mapping[str, PoolDescription]) -> str | None:
    return role.model or (pools[role.pool].default_model if role.pool in pools else None)
