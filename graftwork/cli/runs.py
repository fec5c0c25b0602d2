"""Which job a job file became, so that running it again goes on with a job that has not ended."""

import json
from pathlib import Path

from graftwork.client import AsyncGraftwork
from graftwork.client import NotFound
from graftwork.contracts.ids import digest
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import JobView

KEPT = 100


class Runs:
    """Job ids by the digest of what was submitted, in a file of the data directory."""

    def __init__(self, home: Path) -> None:
        self._path = home / "runs.json"

    async def unfinished(self, client: AsyncGraftwork, spec: JobSpec) -> JobView | None:
        """Return the job this spec became, if it has not ended."""
        job_id = self._read().get(_key(spec))
        if job_id is None:
            return None
        try:
            job = await client.get(job_id)
        except NotFound:  # of another server, or deleted
            return None
        return None if job.state.terminal else job

    def remember(self, spec: JobSpec, job: JobView) -> None:
        """Note which job this spec became."""
        runs = {**self._read(), _key(spec): job.id}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(dict(list(runs.items())[-KEPT:]), indent=2))
        scratch.replace(self._path)

    def _read(self) -> dict[str, str]:
        try:
            runs = json.loads(self._path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # torn: a job too many is submitted, none is lost
            return {}
        return runs if isinstance(runs, dict) else {}


def _key(spec: JobSpec) -> str:
    return digest(spec.model_dump(mode="json"))
