"""Who says what is read from the services' code, and nothing is left in the air."""

from pathlib import Path

import pytest

from graftwork.contracts.events import EventData
from publishing.flow import Flow
from publishing.flow import made_in
from publishing.flow import observed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def flow() -> Flow:
    return observed()


def test_every_event_is_said_and_heard_by_somebody(flow: Flow) -> None:
    lost = [name for name in EventData.registry if not (flow.sayers(name) and flow.hearers(name))]

    assert lost == []


def test_every_service_with_a_router_takes_part(flow: Flow) -> None:
    folders = {path.name for path in (ROOT / "services").iterdir()}

    assert set(flow.services) == folders - {"solvers"}  # pods are asked by gRPC


def test_what_is_shared_makes_no_event_but_that_of_a_failed_task() -> None:
    shared = (ROOT / "graftwork").rglob("*.py")

    assert made_in(shared) == {"work.failed"}


def test_a_request_is_answered_to_whoever_asks(flow: Flow) -> None:
    asked = {name for name, event in EventData.registry.items() if {"spec", "deadline"} <= event.model_fields.keys()}
    answers = {name for name, event in EventData.registry.items() if "used_by_task" in event.model_fields}

    assert {asker for name in asked for asker in flow.sayers(name)} == {"search"}
    assert {hearer for name in answers for hearer in flow.hearers(name)} == {"search"}


def test_an_event_is_made_by_its_class_or_by_whoever_is_handed_its_class(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(
        "def hear(event: JobDeleted, router):\n"
        "    router.on(JobFinished)(hear)\n"
        "    tx.emit(JobStopping(job_id='j'))\n"
        "    return session.request(Stage.SEEDS, SeedsRequested, key=())\n"
    )

    assert made_in([code]) == {"job.stopping", "seeds.requested"}
