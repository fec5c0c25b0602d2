"""Counts how often a consumer group is dealt out anew, and what falls to this process."""

from collections.abc import Collection

from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition
from typing_extensions import override

from graftwork.kit import metrics


class CountedRebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """For the consumer's ``subscribe``."""

    @override
    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        metrics.PARTITIONS_ASSIGNED.set(0)

    @override
    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        metrics.REBALANCES.inc()
        metrics.PARTITIONS_ASSIGNED.set(len(assigned))
