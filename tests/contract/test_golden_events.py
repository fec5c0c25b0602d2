"""Events as releases have sent them: today's services read them, and lose nothing of them."""

import json
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from graftwork.contracts.events import EventData
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.schemas import published_name
from graftwork.kit.bus import decode
from graftwork.kit.bus import encode

HERE = Path(__file__).parent
GOLDEN = sorted((HERE / "golden").glob("*/*.json"))
SCHEMAS = HERE.parents[1] / "docs" / "contracts" / "events"
golden = pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def model_of(path: Path) -> type[EventData]:
    return EventData.registry[path.parent.name]


def assert_kept(told: Any, read: Any) -> None:
    """Everything that was told is still there; defaults may have joined it."""
    if isinstance(told, Mapping):
        assert told.keys() <= read.keys()
        for name, value in told.items():
            assert_kept(value, read[name])
    elif isinstance(told, list):
        assert len(told) == len(read)
        for one, other in zip(told, read, strict=True):
            assert_kept(one, other)
    else:
        assert read == told


@golden
def test_a_golden_event_is_read_and_told_again_without_loss(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    model = model_of(path)

    event = model.model_validate_json(text)

    assert_kept(json.loads(text), event.model_dump(mode="json"))
    assert model.model_validate_json(event.model_dump_json()) == event


@golden
def test_a_golden_event_travels_through_kafka(path: Path) -> None:
    event = model_of(path).model_validate_json(path.read_text(encoding="utf-8"))
    record = encode(event, namespace="n", source="/x", time=datetime(2026, 1, 2, tzinfo=UTC), traceparent=TRACE)

    received = decode(record.headers.items(), record.key, record.value)

    assert received.data == event


@golden
def test_a_golden_event_and_what_we_would_send_today_both_fit_the_published_schema(path: Path) -> None:
    schema = json.loads((SCHEMAS / f"{published_name(path.parent.name)}.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    told = json.loads(path.read_text(encoding="utf-8"))

    validator.validate(told)
    validator.validate(model_of(path).model_validate(told).model_dump(mode="json"))


def test_every_published_event_has_a_full_and_a_least_golden_one() -> None:
    published = {path.name.removesuffix(".v1.json") for path in SCHEMAS.glob("*.json")}
    kinds = {name: {path.stem.rsplit("-", 1)[1] for path in GOLDEN if path.parent.name == name} for name in published}

    assert kinds == {name: {"full", "least"} for name in published}


def test_the_envelope_is_that_of_every_release() -> None:
    """Ids and headers are how ledgers recognise what they have seen: they never change."""
    path = HERE / "golden" / "seeds.proposed" / "0.1.0-full.json"
    event = SeedsProposed.model_validate_json(path.read_text(encoding="utf-8"))

    record = encode(
        event,
        namespace="graftwork",
        source="/graftwork/optimizer",
        time=datetime(2026, 1, 2, tzinfo=UTC),
        traceparent=TRACE,
    )

    assert record.topic == "graftwork.seeds.proposed.v1"
    assert record.key == event.job_id.encode()
    assert json.loads(record.value) == event.model_dump(mode="json")
    assert dict(record.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": f"seeds.proposed:{event.request_id}".encode(),
        "ce_source": b"/graftwork/optimizer",
        "ce_type": b"graftwork.seeds.proposed.v1",
        "ce_time": b"2026-01-02T00:00:00Z",
        "ce_subject": event.job_id.encode(),
        "ce_partitionkey": event.job_id.encode(),
        "ce_traceparent": TRACE.encode(),
        "content-type": b"application/json",
    }
