"""One change of one job: loads its documents in a transaction, books requests, tells the world, saves.

Every handler opens a session, calls the flow, and saves; the documents are written as a whole, so two
changes at once conflict in the database and the later one runs again.
"""

from collections.abc import Callable
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.usage import Grant
from graftwork.contracts.workflows import Experience
from graftwork.kit.ledger import Transaction
from graftwork.kit.logging import get_logger
from graftwork.kit.tracing import inherited_traceparent
from graftwork_search.budget import Side
from graftwork_search.documents import FORGOTTEN
from graftwork_search.documents import JOBS
from graftwork_search.documents import NODES
from graftwork_search.documents import REQUESTS
from graftwork_search.documents import JobDocument
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import RequestDocument
from graftwork_search.documents import Stage
from graftwork_search.errors import UnknownJob
from graftwork_search.selection import Candidate
from graftwork_search.selection import top
from graftwork_search.settings import SearchSettings
from graftwork_search.spending import Used
from graftwork_search.spending import UsedByTask
from graftwork_search.tree import candidates
from graftwork_search.work import RequestDeadline

log = get_logger(__name__)
_SIDES = {Stage.PRODUCTION: Side.PRODUCTION, Stage.ACCEPTANCE: Side.PRODUCTION, Stage.DATASET: Side.PRODUCTION}
# Curation makes no paid calls, so an empty purse does not keep it from publishing.
_FREE = {Stage.ACCEPTANCE, Stage.DATASET}
_REMEMBERED = ("node_id", "component", "chunk_first")
_NOTHING = Grant(calls=0, tokens=0, cost_usd=0.0)
Build = Callable[..., EventData]


class JobSession:
    """A job, its nodes and its open requests, within one transaction."""

    def __init__(
        self, tx: Transaction, settings: SearchSettings, job: JobDocument, nodes: list[NodeDocument], opened: int
    ) -> None:
        self.tx = tx
        self.settings = settings
        self.job = job
        self._nodes = {node.id: node for node in nodes}
        self._open_requests = opened
        self._touched: set[str] = set()

    @classmethod
    async def find(cls, tx: Transaction, settings: SearchSettings, job_id: str) -> "JobSession | None":
        """Load the job; None when it was deleted: what comes late then is no news. Raises ``UnknownJob``."""
        try:
            return await cls.open(tx, settings, job_id)
        except UnknownJob:
            if await tx.find_one(FORGOTTEN, {"_id": job_id}) is None:
                raise
            log.info("job.forgotten")
            return None

    @classmethod
    async def open(cls, tx: Transaction, settings: SearchSettings, job_id: str) -> "JobSession":
        """Load the job. Raises ``UnknownJob``."""
        row = await tx.find_one(JOBS, {"_id": job_id})
        if row is None:
            raise UnknownJob(f"no job {job_id} in this ledger")
        nodes = [NodeDocument.load(node) for node in await tx.find(NODES, {"job_id": job_id}, sort=[("round", 1)])]
        opened = await tx.count(REQUESTS, {"job_id": job_id, "open": True})
        return cls(tx, settings, JobDocument.load(row), nodes, opened)

    # --- reading --------------------------------------------------------------------------------

    @property
    def spec(self) -> JobSpec:
        """The job as submitted."""
        return self.job.opened

    @property
    def nodes(self) -> list[NodeDocument]:
        """All nodes, root first."""
        return list(self._nodes.values())

    @property
    def root(self) -> NodeDocument:
        """The first workflow's node."""
        return self.nodes[0]

    @property
    def stopping(self) -> bool:
        """Whether the job only waits for what is still out."""
        return self.job.ending is not None

    @property
    def quiet(self) -> bool:
        """Whether no request is open."""
        return self._open_requests == 0

    def node(self, node_id: str) -> NodeDocument:
        """Node by id."""
        return self._nodes[node_id]

    def scored(self) -> list[Candidate]:
        """Nodes that may be selected, in order of age: scored ones. Crashed nodes never are."""
        return candidates(self.nodes)

    def best(self) -> NodeDocument | None:
        """The winner once there is one, else the scored node with the highest reward."""
        if self.job.winner is not None:
            return self.node(self.job.winner)
        best = top(self.scored(), 1)
        return self.node(best[0].node_id) if best else None

    def own_id(self, *key: str | int) -> str:
        """Id of something of this run of the job; no other run has it."""
        run = ("run", self.job.run) if self.job.run else ()
        return derived_id(self.job.id, *key, *run)

    def ancestors(self, node: NodeDocument) -> list[NodeDocument]:
        """Parent first, root last."""
        found = []
        while node.parent_id is not None:
            node = self.node(node.parent_id)
            found.append(node)
        return found

    # --- changing -------------------------------------------------------------------------------

    def add(self, node: NodeDocument) -> NodeDocument:
        """Add a node to the tree."""
        self._nodes[node.id] = node
        self.touch(node)
        return node

    def touch(self, node: NodeDocument) -> None:
        """Write the node when the session is saved."""
        self._touched.add(node.id)

    def say(
        self,
        what: str,
        message: str,
        node: NodeDocument | None = None,
        *,
        experience: Experience | None = None,
        taught: Sequence[NodeDocument] = (),
    ) -> None:
        """Tell the world: one more version of the job, of the node where one changed, and who learned what of it."""
        self.job.version += 1
        if node is not None:
            self.touch(node)
        log.info(what, message=message, node_id=node.id if node else None, version=self.job.version)
        self.tx.emit(
            SearchAdvanced(
                job_id=self.job.id,
                version=self.job.version,
                what=what,
                message=message,
                snapshot=self.snapshot(),
                node=node.snapshot() if node else None,
                experience=experience if taught else None,
                taught=tuple(one.id for one in taught),
            )
        )

    def say_finished(self) -> None:
        """Tell the world that nothing of this job will change any more."""
        self.job.version += 1
        snapshot = self.snapshot()
        finished = JobFinished(job_id=self.job.id, snapshot=snapshot, spent=snapshot.spent, dataset=self.job.dataset)
        self.tx.emit(finished)

    async def request(
        self,
        stage: Stage,
        build: Build,
        *,
        key: tuple[str | int, ...],
        seconds: float,
        parts: int = 1,
        **fields: Any,
    ) -> bool:
        """Ask a worker for something, with a grant and a deadline; False when nothing is left to grant.

        ``key`` makes the request id; ``build`` gets the common fields and ``fields``; what
        ``RequestDocument`` also has of them is remembered.
        """
        side = _SIDES.get(stage, Side.SEARCH)
        grant = _NOTHING if stage in _FREE else self.job.account.grant(self.spec.budget, side, parts=parts)
        if grant is None:
            return False
        request = RequestDocument(
            id=self.own_id(stage, *key),
            job_id=self.job.id,
            stage=stage,
            side=side,
            grant=grant,
            deadline=self.tx.now + timedelta(seconds=seconds),
            **{name: fields[name] for name in _REMEMBERED if name in fields},
        )
        await self._book(request)
        common = {
            "job_id": self.job.id,
            "request_id": request.id,
            "spec": self.job.spec_ref,
            "deadline": request.deadline,
            "grant": grant,
            "run": self.job.run,
        }
        self.tx.emit(build(**common, **{name: value for name, value in fields.items() if name != "chunk_first"}))
        return True

    async def close(
        self, request_id: str, used: Used, used_by_task: UsedByTask | None = None
    ) -> RequestDocument | None:
        """Take a grant back and book what was used; None when the request is not open (late or unknown).

        A late answer tells what was only presumed so far, and counts for nothing else.
        """
        row = await self.tx.find_one(REQUESTS, {"_id": request_id})
        request = RequestDocument.load(row) if row else None
        if request is not None and request.open:
            await self._shut(request)
            self._settle(request, used, used_by_task)
            return request
        log.info("answer.late", request_id=request_id)
        if request is not None and self.job.spending.withdraw(request_id):
            self._settle(request, used, used_by_task)
        return None

    async def give_up(self, request_id: str) -> RequestDocument | None:
        """Close a request whose worker is silent; its grant stays out. None when it is not open."""
        row = await self.tx.find_one(REQUESTS, {"_id": request_id, "open": True})
        if row is None:
            return None
        request = RequestDocument.load(row)
        await self._shut(request)
        self.job.spending.presume(request.stage, request.stage.purpose, request.grant, request.id)
        return request

    async def save(self) -> None:
        """Write what changed."""
        await self.tx.update(JOBS, {"_id": self.job.id}, {"$set": self.job.row()})
        for node_id in sorted(self._touched):
            await self.tx.update(NODES, {"_id": node_id}, {"$set": self._nodes[node_id].row()}, upsert=True)

    def snapshot(self) -> JobSnapshot:
        """The job as the world may see it."""
        job, best = self.job, self.best()
        return JobSnapshot(
            job_id=job.id,
            version=job.version,
            state=job.state,
            phase=job.phase,
            reason=job.reason,
            iteration=job.round,
            iterations=job.spec.search.iterations if job.spec else 0,
            best_node_id=best.id if best else None,
            best_reward=best.reward if best else None,
            winner_node_id=job.winner,
            production=self.counts(),
            spent=job.spent,
            anchor_metrics=job.anchor_metrics,
            dataset_id=job.dataset.dataset_id if job.dataset else None,
            review=job.review,
            run=job.run,
            updated_at=self.tx.now,
        )

    def counts(self) -> ProductionCounts:
        """Production so far."""
        wanted = self.job.wanted if self.job.spec else 0
        return ProductionCounts.model_validate({**self.job.production.model_dump(), "wanted": wanted})

    def _settle(self, request: RequestDocument, used: Used, used_by_task: UsedByTask | None) -> None:
        booked = self.job.spending.book(request.stage, request.stage.purpose, used, used_by_task)
        self.job.account.settle(request.side, request.grant, booked)

    async def _shut(self, request: RequestDocument) -> None:
        shut = {"open": False, "answered_by": inherited_traceparent()}
        await self.tx.update(REQUESTS, {"_id": request.id}, {"$set": shut})
        self._open_requests -= 1

    async def _book(self, request: RequestDocument) -> None:
        await self.tx.insert(REQUESTS, {"_id": request.id, **request.row()})
        self._open_requests += 1
        patience = timedelta(seconds=self.settings.silence_slack_seconds)
        deadline = RequestDeadline(job_id=self.job.id, request_id=request.id)
        self.tx.enqueue(deadline, not_before=request.deadline + patience)
