"""What is changed about topics, and what is left."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from graftwork.admin.topics import LARGEST
from graftwork.admin.topics import PARTITIONS
from graftwork.admin.topics import REPLICAS
from graftwork.admin.topics import RETENTION
from graftwork.admin.topics import Change
from graftwork.admin.topics import Topic
from graftwork.admin.topics import plan
from graftwork.admin.topics import wanted_topics
from graftwork.contracts.events import EventData
from graftwork.kit.settings import ServiceSettings

TOPIC = Topic("t", 3, 1, {RETENTION: 1000, LARGEST: 500})
CHANGED = ("Kafka cannot take partitions away", "kafka-reassign-partitions moves copies", "never lowered")
numbers = st.integers(min_value=1, max_value=50)
topics = st.builds(
    Topic,
    st.just("t"),
    numbers,
    numbers,
    st.fixed_dictionaries({RETENTION: st.one_of(st.just(-1), numbers), LARGEST: numbers}),
)


def test_every_event_has_a_topic_and_every_topic_its_dead_letters() -> None:
    wanted = wanted_topics(ServiceSettings(namespace="n"), retention=timedelta(days=3))

    assert [topic.name for topic in wanted][:2] == [
        f"n.{next(iter(EventData.registry))}.v1",
        f"n.{next(iter(EventData.registry))}.v1.dlq",
    ]
    assert len(wanted) == 2 * len(EventData.registry)
    assert {topic.numbers[RETENTION] for topic in wanted} == {3 * 24 * 3600 * 1000}
    assert [LARGEST in topic.numbers for topic in wanted[:2]] == [False, True]


def test_a_topic_that_is_not_there_is_one_change() -> None:
    assert plan([TOPIC], {}) == [Change("t", PARTITIONS, None, 3)]


def test_a_topic_that_is_as_it_should_be_is_left_alone() -> None:
    assert plan([TOPIC], {"t": TOPIC}) == []


def test_what_is_less_is_raised() -> None:
    less = replace(TOPIC, partitions=1, numbers={RETENTION: 10, LARGEST: 5})

    assert plan([TOPIC], {"t": less}) == [
        Change("t", PARTITIONS, 1, 3),
        Change("t", RETENTION, 10, 1000),
        Change("t", LARGEST, 5, 500),
    ]


def test_what_is_more_is_left_and_why_is_told() -> None:
    more = replace(TOPIC, partitions=5, replicas=3, numbers={RETENTION: -1, LARGEST: 5000})

    assert plan([TOPIC], {"t": more}) == [
        Change("t", PARTITIONS, 5, 3, CHANGED[0]),
        Change("t", REPLICAS, 3, 1, CHANGED[1]),
        Change("t", RETENTION, -1, 1000, CHANGED[2]),
        Change("t", LARGEST, 5000, 500, CHANGED[2]),
    ]


@given(wanted=topics, found=topics)
def test_nothing_is_ever_lowered(wanted: Topic, found: Topic) -> None:
    made = [change for change in plan([wanted], {"t": found}) if change.why_not is None]

    assert all(
        change.before is not None and change.before >= 0 and (change.after > change.before or change.after < 0)
        for change in made
    )
