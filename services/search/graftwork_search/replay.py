"""``python -m graftwork_search.replay JOB``: prove from the ledger that a search decided what its seed and answers say.

Reads the ledger that the service's settings name and changes nothing. Prints one line for every decision; exits 0
where all come out as recorded, 1 where one differs, 2 where the ledger holds no such job.
"""

import asyncio

import click

from graftwork.kit.service import open_ledger
from graftwork_search.bootstrap import NAME
from graftwork_search.documents import JOBS
from graftwork_search.documents import NODES
from graftwork_search.documents import JobDocument
from graftwork_search.documents import NodeDocument
from graftwork_search.replaying import replay
from graftwork_search.settings import SearchSettings


@click.command()
@click.argument("job_id", metavar="JOB")
def main(job_id: str) -> None:
    """Recompute every draw, reward and stop of JOB from its recorded tree."""
    job, nodes = asyncio.run(recorded(SearchSettings(), job_id))
    if job is None or job.spec is None:
        raise click.UsageError(f"this ledger holds no search of a job {job_id}")
    checks = list(replay(job, nodes))
    for check in checks:
        click.echo(check.line)
    differing = sum(not check.same for check in checks)
    click.echo(f"{len(checks)} decisions, {differing} of them differ")
    raise SystemExit(1 if differing else 0)


async def recorded(settings: SearchSettings, job_id: str) -> tuple[JobDocument | None, list[NodeDocument]]:
    """The job and its nodes, root first; None where there is no such job."""
    ledger = open_ledger(settings, NAME)
    try:
        row = await ledger.read.find_one(JOBS, {"_id": job_id})
        nodes = await ledger.read.find(NODES, {"job_id": job_id}, sort=[("round", 1)])
    finally:
        await ledger.close()
    return JobDocument.load(row) if row else None, [NodeDocument.load(node) for node in nodes]


if __name__ == "__main__":
    main()
