"""Events as a release has sent them: the golden ones that the tests keep."""

import json
from pathlib import Path
from typing import Any

from graftwork.contracts.events import EventData

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "contract" / "golden"


def full_example(model: type[EventData]) -> EventData:
    """One with every field, of the newest release that added one."""
    newest = max((GOLDEN / model.event_name).glob("*-full.json"), key=_release)
    return model.model_validate_json(newest.read_text(encoding="utf-8"))


def payload_of(event: EventData) -> dict[str, Any]:
    """What travels."""
    payload: dict[str, Any] = json.loads(event.model_dump_json())
    return payload


def _release(file: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in file.stem.removesuffix("-full").split("."))
