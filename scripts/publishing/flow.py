"""Which service says which event, and which hear it: read from the services themselves, never written down by hand.

A service hears what its router has a handler for. It says every event that its code makes, which is read from the
syntax tree: services make no event but to emit it, and search hands the classes of its requests to ``request``, which
makes and emits one. ``work.failed`` is the kit's word for a task that failed, so whoever has such tasks may say it.
"""

import ast
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graftwork.contracts.events import EventData
from graftwork.contracts.events import WorkFailed
from graftwork.kit.service import Router
from graftwork_curator.tasks import router as curator
from graftwork_evaluator.tasks import router as evaluator
from graftwork_gateway.handlers import projection
from graftwork_optimizer.tasks import router as optimizer
from graftwork_runner.tasks import router as runner
from graftwork_search.handlers import add_handlers
from graftwork_search.settings import SearchSettings
from graftwork_search.tasks import add_tasks

SERVICES = Path(__file__).resolve().parents[2] / "services"
_CLASSES = {model.__name__: name for name, model in EventData.registry.items()}
_ASKING = "request"


@dataclass(frozen=True)
class Flow:
    """Event names that each service says and hears."""

    says: Mapping[str, frozenset[str]]
    hears: Mapping[str, frozenset[str]]

    @property
    def services(self) -> list[str]:
        """Every service that takes part, in the order of a job's life."""
        return list(self.hears)

    def sayers(self, event: str) -> list[str]:
        """Services that may say this event."""
        return [service for service in self.services if event in self.says[service]]

    def hearers(self, event: str) -> list[str]:
        """Services that hear it."""
        return [service for service in self.services if event in self.hears[service]]


def observed() -> Flow:
    """The flow as the code has it."""
    routers = _routers()
    return Flow(
        says={router.service: frozenset(_said(router)) for router in routers},
        hears={router.service: frozenset(router.handlers) for router in routers},
    )


def made_in(files: Iterable[Path]) -> set[str]:
    """Names of the events that these files make."""
    trees = (ast.parse(file.read_text(encoding="utf-8"), str(file)) for file in files)
    return {_CLASSES[name] for tree in trees for name in _names_made(tree) if name in _CLASSES}


def _routers() -> list[Router]:
    search = Router("search")
    add_handlers(search, SearchSettings())
    add_tasks(search, SearchSettings())
    return [projection(lambda _job: None), search, optimizer, runner, evaluator, curator]


def _said(router: Router) -> Iterator[str]:
    yield from made_in((SERVICES / router.service).rglob("*.py"))
    if any(spec.payload.reports_failure for spec in router.tasks.values()):
        yield WorkFailed.event_name


def _names_made(tree: ast.AST) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        match call:
            case ast.Call(func=ast.Name(id=name)):
                yield name
            case ast.Call(func=ast.Attribute(attr=attribute), args=arguments) if attribute == _ASKING:
                yield from (argument.id for argument in arguments if isinstance(argument, ast.Name))
            case _:
                pass
