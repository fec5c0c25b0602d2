"""JSON Schemas of the events, as they are published."""

import json
from typing import Any

from graftwork.contracts.events import EVENT_VERSION
from graftwork.contracts.events import EventData


def published_name(event_name: str) -> str:
    """Name of an event's contract: ``samples.requested`` -> ``samples.requested.v1``."""
    return f"{event_name}.{EVENT_VERSION}"


def published_schema(event: type[EventData]) -> dict[str, Any]:
    """Schema of what is read under the event's name."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"graftwork.{published_name(event.event_name)}",
        **event.model_json_schema(mode="validation"),
    }


def schema_text(schema: dict[str, Any]) -> str:
    """File content; equal for equal schemas."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
