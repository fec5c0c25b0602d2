from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graftwork.kit.clock import SystemClock
from graftwork.kit.ledger import Ledger
from graftwork.kit.service import open_ledger
from graftwork.kit.tasks import Commit
from graftwork_curator.acceptance import Tally
from graftwork_curator.errors import RoundConflict
from graftwork_curator.settings import CuratorSettings
from graftwork_curator.store import INDEXES
from graftwork_curator.store import Round
from graftwork_curator.store import record_round
from graftwork_curator.store import rounds_of
from tests.support.in_process import settings_for


@pytest.fixture
async def ledger(mongo_address: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    settings = settings_for(CuratorSettings, kafka="", mongo=mongo_address, home=tmp_path)
    ledger = open_ledger(settings, "curator")
    await ledger.prepare(retention_days=1, indexes=INDEXES)
    yield ledger
    await ledger.close()


def judged(sequence: int, *, job_id: str = "job-1", accepted: int = 1) -> Round:
    return Round(
        job_id=job_id,
        sequence=sequence,
        request_id=f"{job_id}:{sequence}",
        candidates_sha256="0" * 64,
        tally=Tally(accepted=accepted, rejected={"near_duplicate": 2}),
        accepted=(),
        discarded=(),
    )


async def record(ledger: Ledger, one: Round) -> None:
    commit = Commit(now=SystemClock().now())
    record_round(commit, one)
    await ledger.transaction(commit.replay)


async def test_rounds_come_back_in_the_order_they_were_committed(ledger: Ledger) -> None:
    rounds = [judged(number, accepted=number) for number in range(12)]
    for one in (*rounds, judged(0, job_id="job-2")):
        await record(ledger, one)
    assert await rounds_of(ledger.read, "job-1") == rounds


async def test_a_round_whose_place_is_taken_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    await record(ledger, judged(0, accepted=5))
    with pytest.raises(RoundConflict):
        await record(ledger, judged(0, accepted=7))
    assert await rounds_of(ledger.read, "job-1") == [judged(0, accepted=5)]
