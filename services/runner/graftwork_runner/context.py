"""What the runner's tasks may use beside models: the sandbox, and how long they may keep it."""

from graftwork.kit.blobs import Blobs
from graftwork.kit.journal import RequestJournal
from graftwork.kit.ledger import Ledger
from graftwork.kit.tasks import ContextFactory
from graftwork.kit.tasks import Lease
from graftwork.kit.tasks import TaskPayload
from graftwork.models.context import ModelTaskContext
from graftwork.models.plane import ModelPlane
from graftwork_runner.runtimes import Runtimes
from graftwork_runner.settings import RunnerSettings


class RunnerContext(ModelTaskContext):
    """Context of one attempt."""

    def __init__(
        self,
        lease: Lease,
        payload: TaskPayload,
        *,
        ledger: Ledger,
        blobs: Blobs,
        journal: RequestJournal,
        plane: ModelPlane,
        runtimes: Runtimes,
        settings: RunnerSettings,
    ) -> None:
        super().__init__(lease, payload, ledger=ledger, blobs=blobs, journal=journal, plane=plane)
        self.runtimes = runtimes
        self.settings = settings


def runner_context(plane: ModelPlane, runtimes: Runtimes, settings: RunnerSettings) -> ContextFactory:
    """Context factory; all contexts share the runtimes."""

    def build(
        lease: Lease, payload: TaskPayload, *, ledger: Ledger, blobs: Blobs, journal: RequestJournal
    ) -> RunnerContext:
        return RunnerContext(
            lease,
            payload,
            ledger=ledger,
            blobs=blobs,
            journal=journal,
            plane=plane,
            runtimes=runtimes,
            settings=settings,
        )

    return build
