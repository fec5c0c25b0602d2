"""Fitting a job to models that cannot write Python. Pure."""

from dataclasses import dataclass

from graftwork.cli.errors import NoStarterFits
from graftwork.contracts.jobs import InitialWorkflow
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Scope
from graftwork.contracts.records import Layout
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import PoolView

NOISE = (
    "every part runs for real, but this model's scores are noise: "
    "what is shown is the machinery (for useful data, name a better endpoint in OPENAI_BASE_URL)"
)


@dataclass(frozen=True)
class Adapted:
    """A job as it will be submitted. ``notice``: one line that says what was changed; None where nothing was."""

    spec: JobSpec
    notice: str | None = None


def adapt_to_pools(spec: JobSpec, pools: PoolsView) -> Adapted:
    """Return the job as the optimizer's pool can do it.

    Where its models write no Python, the search changes prompts only, the role calls take the shape that
    the pool asks for, and a workflow that the optimizer would have to write becomes a built-in starter.

    Raises:
        NoStarterFits: none makes records of the job's layout.
    """
    pool = _pool(pools, spec.models.optimizer.pool)
    if pool is None or pool.writes_code:
        return Adapted(spec)
    initial, start = spec.search.initial, "your workflow"
    if initial.by_optimizer:
        initial = InitialWorkflow(starter=starter_for(spec))
    if initial.starter is not None:
        start = f"the starter {initial.starter!r}"
    search = spec.search.model_copy(update={"initial": initial, "scope": Scope.PROMPTS})
    models = spec.models.model_copy(update={"profile": pool.profile})
    changed = spec.model_copy(update={"search": search, "models": models})
    if changed == spec:
        return Adapted(spec, _notice(pool, []))
    return Adapted(changed, _notice(pool, [f"starting from {start}", "scope: prompts", f"profile: {pool.profile}"]))


def starter_for(spec: JobSpec) -> str:
    """Return the built-in starter that fits a job's layout and seeds. Raises ``NoStarterFits``."""
    if spec.output.layout is Layout.MESSAGES:
        return "messages"
    if spec.output.layout is not Layout.PROMPT_COMPLETION:
        raise NoStarterFits(str(spec.output.layout))
    known = _seed_keys(spec)
    if "fact" in known:
        return "facts"
    return "explain" if "topic" in known else "qa"


def _seed_keys(spec: JobSpec) -> set[str]:
    """Keys that every seed has, as far as the job says."""
    rows = spec.seeds or ()
    shared = set.intersection(*(set(row) for row in rows)) if rows else set()
    return shared | set(spec.facets or {})


def _pool(pools: PoolsView, name: str) -> PoolView | None:
    return next((pool for pool in pools.pools if pool.pool == name and pool.available), None)


def _notice(pool: PoolView, changes: list[str]) -> str:
    adapted = f" ({', '.join(changes)})" if changes else ""
    return f"{pool.default_model or 'The model'} cannot write Python{adapted}: {NOISE}"
