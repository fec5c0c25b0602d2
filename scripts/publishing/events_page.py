"""The events as a page: the flow as a picture, the envelope, and a section for each."""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from graftwork.contracts.events import EventData
from graftwork.contracts.schemas import published_name
from graftwork.contracts.schemas import published_schema
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from publishing.envelope import CLOUD_EVENT
from publishing.envelope import DEAD_LETTER
from publishing.envelope import NAMESPACE
from publishing.envelope import RECEIPT
from publishing.envelope import headers_of
from publishing.envelope import sent
from publishing.examples import full_example
from publishing.examples import payload_of
from publishing.flow import Flow
from publishing.schemas import described
from publishing.schemas import fields_table
from publishing.subjects import value_subject
from publishing.text import folded
from publishing.text import link
from publishing.text import page
from publishing.text import sentence
from publishing.text import table

_INTRODUCTION = """
Made by `scripts/contracts.py` from [the models](../../graftwork/contracts/events.py) and from what the services do.
For machines: [asyncapi.yaml](asyncapi.yaml), [the JSON Schemas](events), [subjects.json](subjects.json).

Each event has a topic of its own, `graftwork.<event>.v1` (`graftwork` is the platform's namespace, a setting). Its key
is the id of the job. Delivery is at least once: `ce_source` and `ce_id` together tell a repetition. Readers ignore
fields that they do not know.
"""
_ENVELOPE = "CloudEvents 1.0 in Kafka's binary mode: the value is the data as JSON, and everything else is headers."
_LETTERS = """
A record that cannot be admitted goes to `<topic>.dlq`, its bytes untouched, with these headers added to its own.
"""
_RECEIPTS = """
Where an operator has sent a letter again or dismissed it, a record without a value on the same partition says so,
with the first two of these headers or with the last two:
"""


def events_page(flow: Flow) -> str:
    """The whole page."""
    events = list(EventData.registry.values())
    return page(
        "# Events",
        _INTRODUCTION,
        picture(flow),
        "## All events",
        table(("event", "from", "to", "meaning"), (_overview(event, flow) for event in events)),
        "## Envelope",
        _ENVELOPE,
        fields_table(CLOUD_EVENT),
        "## Dead letters",
        _LETTERS,
        fields_table(DEAD_LETTER),
        _RECEIPTS,
        fields_table(RECEIPT),
        "## Each event",
        *(part for event in events for part in _section(event, flow)),
        "## Types",
        *(described(name, schema) for name, schema in sorted(_types(events).items())),
    )


def picture(flow: Flow) -> str:
    """Who tells whom what, as Mermaid draws it; an arrow has the events of one pair of services."""
    arrows = (_arrow(flow, sayer, hearer) for sayer in flow.services for hearer in flow.services)
    return "\n".join(["```mermaid", "flowchart LR", *filter(None, arrows), "```"])


def _arrow(flow: Flow, sayer: str, hearer: str) -> str:
    told = [name for name in EventData.registry if name in flow.says[sayer] & flow.hears[hearer]]
    return f'    {sayer} -->|"{"<br>".join(told)}"| {hearer}' if told else ""


def _overview(event: type[EventData], flow: Flow) -> tuple[str, ...]:
    name = event.event_name
    return link(name), ", ".join(flow.sayers(name)), ", ".join(flow.hearers(name)), sentence(event)


def _section(event: type[EventData], flow: Flow) -> Iterator[str]:
    name = event.event_name
    topic, schema, example = topic_of(NAMESPACE, name), published_schema(event), full_example(event)
    file = f"events/{published_name(name)}.json"
    yield f"### {name}"
    yield sentence(event)
    yield table(
        ("", ""),
        [
            ("from", ", ".join(flow.sayers(name))),
            ("to", ", ".join(flow.hearers(name))),
            ("topic", f"`{topic}`, dead letters in `{dead_letter_topic(topic)}`"),
            ("schema", f"{link(file, file)}, subject `{value_subject(event)}`"),
        ],
    )
    yield fields_table(schema)
    record = sent(example, flow.sayers(name)[0])
    told = {"key": record.key.decode(), "headers": headers_of(record), "value": payload_of(example)}
    yield folded("An example", told)


def _types(events: list[type[EventData]]) -> Mapping[str, Any]:
    return {name: schema for event in events for name, schema in published_schema(event).get("$defs", {}).items()}
