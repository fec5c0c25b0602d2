"""A ledger that cannot be reached for a while: nothing is skipped, and what came meanwhile is done later."""

from pathlib import Path

import pytest
from pymongo import uri_parser

from graftwork.contracts.events import SeedsProposed
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import TASKS
from graftwork.kit.settings import ServiceSettings
from tests.support.cut_line import line_to
from tests.support.eventually import assert_eventually
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import a_request
from tests.support.kit_worker import counted_service
from tests.support.offsets import committed_offset
from tests.support.paid_calls import paid_calls

PATIENCE_SECONDS = 60.0


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


async def test_records_that_come_while_the_ledger_is_away_are_admitted_when_it_is_back(
    settings: ServiceSettings,
) -> None:
    port = uri_parser.parse_uri(settings.mongo)["nodelist"][0][1]
    async with bus_of(settings) as bus, paid_calls() as paid, line_to(port) as line:
        behind = settings.model_copy(update={"mongo": f"mongodb://{line.address}/?directConnection=true"})
        service = counted_service(behind, paid.url)
        async with running(service):
            await bus.send(a_request(0))
            await bus.wait_for(SeedsProposed, timeout_seconds=PATIENCE_SECONDS)

            line.cut()
            for number in (1, 2, 3):
                await bus.send(a_request(number))

            async def noticed() -> None:
                assert "mongo" in await service.readiness.problems()

            await assert_eventually(noticed, timeout_seconds=PATIENCE_SECONDS)
            assert await committed_offset(settings, "worker", "seeds.requested") <= 1

            line.mend()

            async def all_is_done() -> None:
                await bus.listen()
                told = {answer.request_id for answer in bus.all(SeedsProposed)}
                assert told == {f"job-1:r{number}" for number in range(4)}
                assert await service.readiness.problems() == {}

            await assert_eventually(all_is_done, timeout_seconds=PATIENCE_SECONDS)
            assert await service.ledger.read.count(INBOX, {}) == 4
            assert await service.ledger.read.count(TASKS, {"state": "done"}) == 4
        committed = await committed_offset(settings, "worker", "seeds.requested")  # it goes with the topic

    assert committed == 4
