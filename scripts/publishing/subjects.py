"""What a schema registry is to be told: subjects, named after topics (TopicNameStrategy).

Keys have none: they are plain text, which is no JSON. Every schema contains all it refers to, so there are no
references to register before it. ``$id`` is the event's CloudEvents type, which is the subject where a registry names
subjects after records (RecordNameStrategy).

Our objects are open: readers ignore what they do not know. Registries that are strict about sets of values refuse every
field that is added to an open object, an optional one too; Confluent's policy LENIENT is the rule that we keep.
"""

from typing import Any

from graftwork.contracts.events import EventData
from graftwork.contracts.schemas import published_name
from graftwork.kit.bus import event_type
from graftwork.kit.bus import topic_of
from publishing.envelope import NAMESPACE

KEY_FILE = "key.v1.json"


def subjects() -> dict[str, Any]:
    """The document. Files are relative to it; topics are those of the namespace ``graftwork``."""
    return {
        "strategy": "TopicNameStrategy",
        "schemaType": "JSON",
        "compatibility": "FULL_TRANSITIVE",
        "compatibilityPolicy": "LENIENT",
        "namespace": NAMESPACE,
        "subjects": [_entry(event) for event in EventData.registry.values()],
    }


def value_subject(event: type[EventData]) -> str:
    """Subject of the data of an event."""
    return f"{topic_of(NAMESPACE, event.event_name)}-value"


def _entry(event: type[EventData]) -> dict[str, Any]:
    return {
        "subject": value_subject(event),
        "record": event_type(event.event_name),
        "schema": f"events/{published_name(event.event_name)}.json",
        "topic": topic_of(NAMESPACE, event.event_name),
        "references": [],
    }
