"""What is known of a running job, event by event, and how to say it. No I/O."""

from dataclasses import dataclass
from datetime import datetime

from graftwork.cli.words import reward
from graftwork.cli.words import short_number
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.usage import Usage

RECENT = 5
_SEARCHING = {JobPhase.INITIALISING, JobPhase.REVIEWING, JobPhase.SEARCHING}
_PRODUCING = {JobPhase.PRODUCING, JobPhase.CURATING}


@dataclass(frozen=True)
class Stage:
    """A part of a job that can be counted. ``searching`` may end before its ``total``, production does not."""

    name: str
    done: int
    total: int

    @property
    def fraction(self) -> float:
        """How much is done, 0-1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


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
        self._began: tuple[Stage, datetime] | None = None

    def take(self, event: JobEvent) -> None:
        """Learn from one event."""
        self.snapshot = event.snapshot
        if event.node is not None:
            self.nodes[event.node.node_id] = event.node
        if event.message:
            self.messages = [*self.messages, event.message][-RECENT:]
        self._note_stage(event.snapshot)

    def _note_stage(self, told: JobSnapshot) -> None:
        """Remember where the stage began that the job is in, for its pace."""
        stage = self.stage
        if stage is None or told.state is JobState.WAITING_FOR_REVIEW:  # a person's time is no pace
            self._began = None
        elif self._began is None or self._began[0].name != stage.name:
            self._began = stage, told.updated_at

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Search and production as far as they are done; empty before search has told of the job."""
        told = self.snapshot
        if told is None:
            return ()
        search = Stage("search", told.iteration, told.iterations)
        production = Stage("rows", told.production.accepted, told.production.wanted or self.wanted)
        return (search, production) if told.iterations else (production,)

    @property
    def stage(self) -> Stage | None:
        """The stage that the job is in; None where nothing can be counted."""
        phase = None if self.snapshot is None else self.snapshot.phase
        name = "search" if phase in _SEARCHING else "rows" if phase in _PRODUCING else None
        return next((stage for stage in self.stages if stage.name == name), None)

    def seconds_left(self, now: datetime) -> float | None:
        """Return how long the stage takes at its pace so far; None where it has none yet."""
        stage, told = self.stage, self.snapshot
        if stage is None or told is None or self._began is None:
            return None
        (first, began), done = self._began, stage.done
        if done <= first.done or told.updated_at <= began:
            return None
        pace_seconds = (told.updated_at - began).total_seconds() / (done - first.done)
        return max(pace_seconds * (stage.total - done) - (now - told.updated_at).total_seconds(), 0.0)

    @property
    def waits_for_review(self) -> bool:
        """Whether the job waits for a person."""
        return self.snapshot is not None and self.snapshot.state is JobState.WAITING_FOR_REVIEW

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
        wanted = (told.production.wanted if told else 0) or self.wanted  # more than at first, for an extended job
        figures["rows"] = f"{told.production.accepted if told else 0}/{wanted}"
        figures["tokens"] = short_number(spent.tokens)
        if spent.cost_usd:
            figures["cost"] = f"${spent.cost_usd:.2f}"
        return figures

    def line(self, event: JobEvent) -> str:
        """The event and the figures in one line; ``take`` it first."""
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items() if name != "phase")
        return f"{self.phase}: {event.message or event.what} ({figures})"
