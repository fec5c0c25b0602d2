"""The AsyncAPI document of all events: topics, messages, and who sends and receives them.

AsyncAPI 3.0 with version 0.5.0 of the Kafka bindings. Payloads are references to the published schemas.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from inspect import cleandoc
from typing import Any

from graftwork import __version__
from graftwork.contracts.events import EventData
from graftwork.contracts.schemas import published_name
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import event_type
from graftwork.kit.bus import topic_configs
from graftwork.kit.bus import topic_of
from graftwork.kit.settings import ServiceSettings
from publishing.envelope import CLOUD_EVENT
from publishing.envelope import DEAD_LETTER
from publishing.envelope import KEY
from publishing.envelope import NAMESPACE
from publishing.envelope import RECEIPT
from publishing.envelope import headers_of
from publishing.envelope import sent
from publishing.envelope import without_identity
from publishing.examples import full_example
from publishing.examples import payload_of
from publishing.flow import Flow
from publishing.text import sentence

_BINDING = "0.5.0"
_NUMBERS = {"retention.ms", "max.message.bytes"}
_LISTS = {"cleanup.policy"}
_LETTERS = ("deadLetter", "receipt")
_PARAMETER = {"namespace": {"$ref": "#/components/parameters/namespace"}}
_LOGINS = ("scramSha512", "scramSha256", "plain", "certificate")
_ABOUT = """
    What the services of Graftwork tell each other over Apache Kafka. Events are CloudEvents 1.0 in binary mode: the
    attributes are headers, the value is the data as JSON, the key is the id of the job. Every type of event has a topic
    of its own, and a second one for records that could not be admitted.

    Delivery is at least once. `ce_source` and `ce_id` together tell a repetition. Events of a job keep their order
    within a topic, and have none between topics.

    Data may gain optional fields within a version: ignore what you do not know. Everything else is a new event.

    Numbers of partitions and copies are settings (`GRAFTWORK_TOPIC_PARTITIONS`, `GRAFTWORK_TOPIC_REPLICAS`); here are
    their defaults.
"""


def document(flow: Flow) -> dict[str, Any]:
    """The whole document, JSON values only."""
    events = list(EventData.registry.values())
    return {
        "asyncapi": "3.0.0",
        "id": "urn:graftwork:events",
        "info": {
            "title": "Graftwork events",
            "version": __version__,
            "description": cleandoc(_ABOUT),
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": service} for service in flow.services],
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": dict(_channels(events)),
        "operations": dict(_operations(flow)),
        "components": {
            "messages": {**{_key(event): _message(event, flow) for event in events}, **_letters()},
            "schemas": {"cloudEvent": CLOUD_EVENT, "deadLetter": DEAD_LETTER, "receipt": RECEIPT},
            "parameters": {"namespace": _namespace()},
            "correlationIds": _correlations(),
            "securitySchemes": _security(),
        },
    }


def _key(event: type[EventData]) -> str:
    return published_name(event.event_name)


def _servers() -> dict[str, Any]:
    kafka = ServiceSettings.model_fields["kafka"]
    address = {"default": kafka.default, "description": "one of the bootstrap servers (`GRAFTWORK_KAFKA`)"}
    common = {"host": "{kafka}", "variables": {"kafka": address}}
    logins = [{"$ref": f"#/components/securitySchemes/{name}"} for name in _LOGINS]
    return {
        "plaintext": {**common, "protocol": "kafka", "summary": "On one machine, or behind walls of its own."},
        "secure": {
            **common,
            "protocol": "kafka-secure",
            "summary": "TLS, with a user's password or a client's certificate.",
            "security": logins,
        },
    }


def _channels(events: list[type[EventData]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for event in events:
        topic = topic_of(NAMESPACE, event.event_name)
        yield _key(event), _channel(topic, event.event_name, [_key(event)], sentence(event))
        buried = dead_letter_topic(topic)
        told = f"Records of {topic} that could not be admitted, with the reason."
        yield dead_letter_topic(_key(event)), _channel(buried, f"{event.event_name}, dead letters", _LETTERS, told)


def _channel(topic: str, title: str, messages: Iterable[str], description: str) -> dict[str, Any]:
    fields = ServiceSettings.model_fields
    return {
        "address": topic.replace(NAMESPACE, "{namespace}", 1),
        "title": title,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "parameters": _PARAMETER,
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": fields["topic_partitions"].default,
                "replicas": fields["topic_replicas"].default,
                "topicConfiguration": {name: _config(name, value) for name, value in topic_configs(topic).items()},
                "bindingVersion": _BINDING,
            }
        },
    }


def _config(name: str, value: str) -> int | str | list[str]:
    if name in _LISTS:
        return value.split(",")
    return int(value) if name in _NUMBERS else value


def _operations(flow: Flow) -> Iterator[tuple[str, dict[str, Any]]]:
    for service in flow.services:
        for event in EventData.registry.values():
            name, channel = event.event_name, _key(event)
            if name in flow.says[service]:
                yield f"{service}.says.{name}", _operation("send", service, channel, channel, f"{service} says {name}")
            if name in flow.hears[service]:
                yield f"{service}.hears.{name}", _hearing(service, channel, f"{service} hears {name}")
                told = f"{service} could not admit a record of {name}"
                buried = dead_letter_topic(channel)
                yield f"{service}.buries.{name}", _operation("send", service, buried, "deadLetter", told)


def _operation(action: str, service: str, channel: str, message: str, title: str) -> dict[str, Any]:
    return {
        "action": action,
        "title": title,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
        "tags": [{"name": service}],
        "bindings": {"kafka": {"clientId": _constant(f"graftwork-{service}"), "bindingVersion": _BINDING}},
    }


def _hearing(service: str, channel: str, title: str) -> dict[str, Any]:
    found = _operation("receive", service, channel, channel, title)
    group = {"type": "string", "description": f"{{namespace}}.{service}", "examples": [f"{NAMESPACE}.{service}"]}
    found["bindings"]["kafka"]["groupId"] = group
    return found


def _constant(value: str) -> dict[str, Any]:
    return {"type": "string", "const": value}


def _message(event: type[EventData], flow: Flow) -> dict[str, Any]:
    asked = "request_id" in event.model_fields
    return {
        "name": event_type(event.event_name),
        "title": event.__name__,
        "summary": sentence(event),
        "contentType": "application/json",
        "headers": _headers("cloudEvent", {"ce_type": {"const": event_type(event.event_name)}}),
        "payload": {"$ref": f"./events/{_key(event)}.json"},
        "correlationId": {"$ref": f"#/components/correlationIds/{'request' if asked else 'job'}"},
        "bindings": _keyed(),
        "examples": [_example(event, flow)],
    }


def _letters() -> dict[str, Any]:
    return {
        "deadLetter": {
            "name": "graftwork.dead_letter",
            "title": "Dead letter",
            "summary": "A record that no handler can read: its bytes as they came, cut where they are too many.",
            "contentType": "application/octet-stream",
            "headers": _headers("deadLetter", {}),
            "bindings": _keyed(),
        },
        "receipt": {
            "name": "graftwork.receipt",
            "title": "Receipt",
            "summary": "An operator has sent a letter of this partition again, or dismissed it; there is no value.",
            "contentType": "application/octet-stream",
            "headers": _headers("receipt", {}),
        },
    }


def _headers(schema: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    common = {"type": "object", "allOf": [{"$ref": f"#/components/schemas/{schema}"}]}
    return {**common, "properties": dict(properties)} if properties else common


def _keyed() -> dict[str, Any]:
    # No reference: the official schema takes one for both a reference and a schema, and refuses what is both.
    return {"kafka": {"key": without_identity(KEY), "bindingVersion": _BINDING}}


def _example(event: type[EventData], flow: Flow) -> dict[str, Any]:
    example = full_example(event)
    record = sent(example, flow.sayers(event.event_name)[0])
    return {"name": "full", "headers": dict(headers_of(record)), "payload": payload_of(example)}


def _namespace() -> dict[str, Any]:
    told = ServiceSettings.model_fields["namespace"].description
    return {"default": NAMESPACE, "description": f"{told} (`GRAFTWORK_NAMESPACE`)"}


def _correlations() -> dict[str, Any]:
    return {
        "request": {
            "location": "$message.payload#/request_id",
            "description": "Joins a request with its answer, or with work.failed.",
        },
        "job": {"location": "$message.header#/ce_subject", "description": "Joins all events of a job."},
    }


def _security() -> dict[str, Any]:
    return {
        "scramSha512": {"type": "scramSha512", "description": "`GRAFTWORK_KAFKA_SASL_MECHANISM=SCRAM-SHA-512`"},
        "scramSha256": {"type": "scramSha256", "description": "`GRAFTWORK_KAFKA_SASL_MECHANISM=SCRAM-SHA-256`"},
        "plain": {"type": "plain", "description": "`GRAFTWORK_KAFKA_SASL_MECHANISM=PLAIN`, over TLS only"},
        "certificate": {"type": "X509", "description": "`GRAFTWORK_KAFKA_CERTIFICATE_FILE` and `..._KEY_FILE`"},
    }
