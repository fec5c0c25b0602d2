"""What is known of a running job, event by event, and how to say it. No I/O."""

from datetime import datetime

from graftwork.cli.words import reward
from graftwork.cli.words import short_number
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.usage import Usage

RECENT = 5


class JobProgress:
    """A job as its events tell it.

    Args:
        job: as it was when watching began.
    """

    def __init__(self, job: JobView) -> None:
        self.job_id = job.id
        self.name = job.name
        self.wanted = job.count
        self.created_at: datetime = job.created_at
        self.snapshot: JobSnapshot | None = job.snapshot
        self.nodes: dict[str, NodeSnapshot] = {}
        self.messages: list[str] = []

    def take(self, event: JobEvent) -> None:
        """Learn from one event."""
        self.snapshot = event.snapshot
        if event.node is not None:
            self.nodes[event.node.node_id] = event.node
        if event.message:
            self.messages = [*self.messages, event.message][-RECENT:]

    @property
    def phase(self) -> str:
        """Where the job is; at its end, how it ended."""
        if self.snapshot is None:
            return str(JobPhase.QUEUED)
        return str(self.snapshot.state if self.snapshot.state.terminal else self.snapshot.phase)

    @property
    def figures(self) -> dict[str, str]:
        """What counts, by name, in the order of reading."""
        told = self.snapshot
        spent = told.spent.total if told else Usage()
        figures = {"phase": self.phase}
        if told is not None and told.iterations:
            figures["iteration"] = f"{told.iteration}/{told.iterations}"
        figures["best"] = reward(told.best_reward if told else None)
        figures["rows"] = f"{told.production.accepted if told else 0}/{self.wanted}"
        figures["tokens"] = short_number(spent.tokens)
        if spent.cost_usd:
            figures["cost"] = f"${spent.cost_usd:.2f}"
        return figures

    def line(self, event: JobEvent) -> str:
        """The event and the figures in one line; ``take`` it first."""
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items() if name != "phase")
        return f"{self.phase}: {event.message or event.what} ({figures})"
