"""Every metric that Graftwork declares, module by module."""

import importlib
from dataclasses import dataclass

from prometheus_client.metrics import MetricWrapperBase

MODULES = (
    "graftwork.kit.metrics",
    "graftwork_gateway.metrics",
    "graftwork_runner.metrics",
    "graftwork_curator.metrics",
    "graftwork_solvers.metrics",
)


@dataclass(frozen=True)
class Declared:
    """A metric; ``sample``: the name of the sample that says whether anything happened."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    sample: str

    @property
    def row(self) -> str:
        """Its row in docs/metrics.md."""
        labels = ", ".join(f"`{label}`" for label in self.labels)
        return f"| `{self.name}` | {self.kind} | {labels} | {self.meaning} |"


def declared_in(module: str) -> list[Declared]:
    """Metrics of one module, in the order they stand there."""
    found = vars(importlib.import_module(module)).values()
    return [_declared(one) for one in found if isinstance(one, MetricWrapperBase)]


def _declared(metric: MetricWrapperBase) -> Declared:
    kind = str(metric._type)
    name = metric._name + ("_total" if kind == "counter" else "")
    sample = f"{name}_count" if kind == "histogram" else name
    return Declared(name, kind, tuple(metric._labelnames), metric._documentation, sample)
