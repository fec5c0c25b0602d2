"""What surrounds an event on Kafka: the CloudEvents headers, and those that tell why a record died."""

from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any

from graftwork.contracts.events import EventData
from graftwork.kit.bus import Record
from graftwork.kit.bus import encode
from graftwork.kit.settings import ServiceSettings

NAMESPACE = str(ServiceSettings.model_fields["namespace"].default)
_SAID_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_SAID_IN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_JOB = "id of the job"
_NUMBER = {"type": "string", "pattern": "^[0-9]+$"}
_TIME = {"type": "string", "format": "date-time"}
_TRACEPARENT = {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"}

KEY: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "graftwork.key.v1",
    "title": "Key",
    "description": "Id of the job, as UTF-8: all events of a job keep their order within a topic.",
    "type": "string",
    "minLength": 1,
}

CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka's binary content mode; every value is UTF-8 text.",
    "required": [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_partitionkey",
        "content-type",
    ],
    "properties": {
        "ce_specversion": {"const": "1.0", "description": "version of CloudEvents"},
        "ce_id": {
            "type": "string",
            "minLength": 1,
            "description": "the same whenever the same fact is told again: what a consumer recognises a repetition by",
        },
        "ce_source": {"type": "string", "pattern": "^/graftwork/[a-z]+$", "description": "/graftwork/ and who says it"},
        "ce_type": {"type": "string", "description": "kind of event, with the version of its contract"},
        "ce_time": {**_TIME, "description": "when it was said"},
        "ce_subject": {"type": "string", "description": _JOB},
        "ce_partitionkey": {"type": "string", "description": f"{_JOB}; also the record's key"},
        "ce_traceparent": {
            **_TRACEPARENT,
            "description": "W3C trace context of the work that says it; absent where nothing is traced",
        },
        "traceparent": {
            **_TRACEPARENT,
            "description": "W3C trace context of the sending, for whoever receives it; absent where nothing is traced",
        },
        "content-type": {"const": "application/json", "description": "what the value is"},
        "dlq-attempts": {**_NUMBER, "description": "where an operator sent it again: how often it has been buried"},
        "dlq-first-at": {**_TIME, "description": "where an operator sent it again: when it was buried first"},
    },
}

DEAD_LETTER: dict[str, Any] = {
    "type": "object",
    "description": "Why a record could not be admitted, beside the headers that it came with.",
    "required": [
        "dlq-reason",
        "dlq-class",
        "dlq-attempts",
        "dlq-first-at",
        "dlq-origin-topic",
        "dlq-origin-partition",
        "dlq-origin-offset",
        "dlq-service",
        "dlq-service-version",
    ],
    "properties": {
        "dlq-reason": {"type": "string", "description": "what is wrong, readable"},
        "dlq-class": {"type": "string", "description": "code of the error"},
        "dlq-attempts": {**_NUMBER, "description": "how often it has been buried; more than once if it was replayed"},
        "dlq-first-at": {**_TIME, "description": "when first"},
        "dlq-origin-topic": {"type": "string", "description": "topic that it was read from"},
        "dlq-origin-partition": {**_NUMBER, "description": "its partition there"},
        "dlq-origin-offset": {**_NUMBER, "description": "its offset there"},
        "dlq-service": {"type": "string", "description": "service that could not admit it"},
        "dlq-service-version": {"type": "string", "description": "release of that service"},
        "dlq-truncated": {
            "type": "string",
            "description": "length and digest of the whole value, where it was too long to be kept whole",
        },
    },
}

RECEIPT: dict[str, Any] = {
    "type": "object",
    "description": "That a dead letter of the same partition was sent again, or dismissed.",
    "oneOf": [
        {"required": ["dlq-replayed-offset", "dlq-replayed-at"]},
        {"required": ["dlq-dismissed-offset", "dlq-dismissed-at"]},
    ],
    "properties": {
        "dlq-replayed-offset": {**_NUMBER, "description": "offset of the letter that was sent again"},
        "dlq-replayed-at": {**_TIME, "description": "when it was sent again"},
        "dlq-dismissed-offset": {**_NUMBER, "description": "offset of the letter that nobody wants back"},
        "dlq-dismissed-at": {**_TIME, "description": "when it was dismissed"},
    },
}


def sent(data: EventData, service: str) -> Record:
    """The record that a service sends for this event; at a fixed time, in a fixed trace."""
    return encode(data, namespace=NAMESPACE, source=f"/graftwork/{service}", time=_SAID_AT, traceparent=_SAID_IN)


def headers_of(record: Record) -> Mapping[str, str]:
    """The headers as text, in the order of their names."""
    return {name: value.decode() for name, value in sorted(record.headers.items())}


def without_identity(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as a part of another."""
    return {name: value for name, value in schema.items() if not name.startswith("$")}
