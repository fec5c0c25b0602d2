"""The pools of a pod: which model answers, and what is known about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from graftwork.contracts.ids import digest
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import UnknownPool
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import Sampling
from graftwork_solvers.answers import ListedModel
from graftwork_solvers.dialects import Dialect
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.hosts import habits_of
from graftwork_solvers.settings import PoolSettings

# Settings that shape answers. A change of any of them is another revision, and no other change is.
_SHAPING = (
    "prompt",
    "sampling",
    "fixed",
    "revision",
    "omit",
    "strict_schemas",
    "response_format",
    "schema_in_prompt",
    "extra_body",
)


@dataclass(frozen=True)
class Serving:
    """What answers a call: a model, in a pool, in its endpoint's dialect."""

    pool: str
    settings: PoolSettings
    description: ModelDescription
    dialect: Dialect
    revision: str

    @property
    def model(self) -> str:
        """The name by which the endpoint knows the model."""
        return self.description.name


class Pools:
    """Finds what serves a call. Safe for concurrent use.

    The endpoint's list of models is asked for only when a pool names no model, and kept once it was
    told; ``listed`` renews it.
    """

    def __init__(self, pools: Mapping[str, PoolSettings], endpoint: Endpoint) -> None:
        self._pools = pools
        self._endpoint = endpoint
        self._listed: tuple[ListedModel, ...] = ()
        self._servings: dict[tuple[str, str, str], Serving] = {}

    def listed(self, models: tuple[ListedModel, ...]) -> None:
        """Take note of the endpoint's list of models."""
        self._listed = models

    async def serving(self, pool: str, model: str | None) -> Serving:
        """What serves ``model`` (None: the default) of ``pool``. Raises ``UnknownPool``, ``DependencyDown``."""
        settings = self._settings(pool)
        default = await self._default(settings)
        chosen = model or default
        if chosen not in _allowed(default, settings):
            raise UnknownPool(
                f"pool {pool!r} does not serve model {chosen!r}: {', '.join(_allowed(default, settings))}"
            )
        known = (self._endpoint.identity, pool, chosen)
        if known not in self._servings:
            self._servings[known] = self._new_serving(pool, chosen, settings)
        return self._servings[known]

    async def describe(self, pool: str) -> PoolDescription:
        """What ``pool`` serves. Raises ``UnknownPool``, ``DependencyDown``."""
        settings = self._settings(pool)
        default = await self._default(settings)
        return PoolDescription(
            pool=pool,
            default_model=default,
            models=tuple(self._described(name, settings) for name in _allowed(default, settings)),
            revision=self._revision(default, settings),
            profile=settings.profile,
            writes_code=settings.writes_code,
            fixed=_fixed(settings),
            prompt_bytes=len((settings.prompt or "").encode()),
        )

    def _settings(self, pool: str) -> PoolSettings:
        found = self._pools.get(pool)
        if found is None:
            raise UnknownPool(f"no pool {pool!r} here: this pod serves {', '.join(sorted(self._pools))}")
        return found

    async def _default(self, settings: PoolSettings) -> str:
        if settings.model is not None:
            return settings.model
        if not self._listed:
            self.listed(await self._endpoint.models())
        if not self._listed:
            raise DependencyDown("the endpoint lists no model: name one in GRAFTWORK_MODELS")
        return self._listed[0].name

    def _new_serving(self, pool: str, model: str, settings: PoolSettings) -> Serving:
        described, revision = self._described(model, settings), self._revision(model, settings)
        return Serving(pool, settings, described, Dialect(settings, habits_of(self._endpoint.url)), revision)

    def _described(self, model: str, settings: PoolSettings) -> ModelDescription:
        price = settings.prices.get(model)
        return ModelDescription(
            name=model,
            context_tokens=next((one.context_tokens for one in self._listed if one.name == model), None),
            prompt_usd_per_mtok=price and price.prompt_usd_per_mtok,
            completion_usd_per_mtok=price and price.completion_usd_per_mtok,
        )

    def _revision(self, model: str, settings: PoolSettings) -> str:
        shaping = settings.model_dump(mode="json", include=set(_SHAPING))
        shaping["omit"] = sorted(shaping["omit"])
        return digest({"endpoint": self._endpoint.identity, "model": model, "fixed": shaping})


def _fixed(settings: PoolSettings) -> Sampling | None:
    return Sampling.model_validate(settings.sampling, from_attributes=True) if settings.fixed else None


def _allowed(default: str, settings: PoolSettings) -> tuple[str, ...]:
    return tuple(dict.fromkeys((default, *settings.models)))
